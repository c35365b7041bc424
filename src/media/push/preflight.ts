import type { LookupFunction } from 'node:net';
import { type ErrorCode, GatewayError, toGatewayError } from '../../domain/errors.ts';
import { destinationAdvice } from '../../domain/push/advice.ts';
import { parseRtmpUrl } from '../../domain/push/rtmp-url.ts';
import { Secret } from '../../domain/secret.ts';
import type { OpenStep } from '../rtmp/connection-errors.ts';
import { openRtmpPublisher, type RtmpPublisher } from '../rtmp/publisher.ts';
import type { Trust } from '../rtmp/trust.ts';

interface CheckedStep {
  readonly step: OpenStep;
  readonly ok: boolean;
  /** Whole milliseconds it took. `connect` holds the ways to a login and those of redirects. */
  readonly ms: number;
}

/** What a trial of a destination found; texts hold no part of the URL and no word of the server's. */
export interface DestinationCheck {
  readonly ok: boolean;
  /** In their order, up to the one that failed; none for a URL that is none. */
  readonly steps: readonly CheckedStep[];
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly advice: string } | null;
}

export interface CheckOptions {
  /** For rtmps. */
  readonly trust?: Trust;
  readonly lookup?: LookupFunction;
  /** For all of it; 15 s by default. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 15_000;
const STEPS: readonly OpenStep[] = ['name', 'tcp', 'tls', 'handshake', 'connect', 'publish'];

function failed(steps: readonly CheckedStep[], error: GatewayError): DestinationCheck {
  const { code, message } = error;
  return { ok: false, steps, error: { code, message, advice: destinationAdvice(code) } };
}

/** The steps of one trial as they are done, each of them once. */
function createStepClock(isSecure: boolean) {
  const expected = isSecure ? STEPS : STEPS.filter((step) => step !== 'tls');
  const done: CheckedStep[] = [];
  let lastMs = performance.now();
  const finish = (step: OpenStep, ok: boolean) => {
    const nowMs = performance.now();
    done.push({ step, ok, ms: Math.round(nowMs - lastMs) });
    lastMs = nowMs;
  };
  return {
    done,
    passed(step: OpenStep): void {
      // Another connection of the same trial begins again with the name.
      if (expected[done.length] === step) finish(step, true);
    },
    failed(): void {
      const step = expected[done.length];
      if (step !== undefined) finish(step, false);
    },
  };
}

async function openUntil(
  url: string,
  options: CheckOptions,
  onStep: (step: OpenStep) => void,
): Promise<RtmpPublisher> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const late = AbortSignal.timeout(deadlineMs);
  const signal = AbortSignal.any([late, ...(options.signal ? [options.signal] : [])]);
  const { trust, lookup } = options;
  try {
    return await openRtmpPublisher({
      url,
      signal,
      onStep,
      ...(trust ? { trust } : {}),
      ...(lookup ? { lookup } : {}),
    });
  } catch (error) {
    if (!late.aborted || options.signal?.aborted) throw error;
    const message = `the server did not accept a stream within ${Math.round(deadlineMs / 1000)} s`;
    throw new GatewayError('timeout', message, { blame: 'destination', cause: error });
  }
}

/**
 * Tries a destination up to the accepted stream and leaves it at once, in order and without having sent media.
 * Never throws: a trial that is given up fails as `fenced`.
 */
export async function checkDestination(
  url: Secret | string,
  options: CheckOptions = {},
): Promise<DestinationCheck> {
  const text = url instanceof Secret ? url.reveal() : url;
  let clock: ReturnType<typeof createStepClock>;
  try {
    clock = createStepClock(parseRtmpUrl(text).protocol === 'rtmps');
  } catch (error) {
    return failed([], toGatewayError(error));
  }
  try {
    const publisher = await openUntil(text, options, clock.passed);
    await publisher.close();
    return { ok: true, steps: clock.done, error: null };
  } catch (error) {
    clock.failed();
    return failed(clock.done, toGatewayError(error));
  }
}
