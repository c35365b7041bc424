import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_VIDEO } from '../../src/domain/programme.ts';
import { type MixClip, type MixContender, startRoomcastMix } from './mix-contender.ts';

/** How many programmes of four 720p30 inputs ran side by side with every frame in time. */
export interface Carried {
  readonly inputs: 4;
  readonly programmes: number;
  /** Why it was not one more. */
  readonly limit: string;
}

const INPUTS = 4;
const SETTLE_MS = 8000;
const LEAST_PART = 0.99;
const MOST_BEHIND_MS = 300;

/** What one of them failed to deliver in this time; null when it delivered all. */
function shortfall(
  before: ReturnType<MixContender['delivered']>,
  after: typeof before,
  passedMs: number,
): string | null {
  const behindMs = passedMs - (after.mediaMs - before.mediaMs);
  if (behindMs > MOST_BEHIND_MS) return `timestamps fell ${Math.round(behindMs)} ms behind`;
  const fps = ((after.frames - before.frames) * 1000) / passedMs;
  return fps < DEFAULT_VIDEO.fps * LEAST_PART ? `${fps.toFixed(1)} frames a second of one arrived` : null;
}

async function whatIsMissing(running: readonly MixContender[], seconds: number): Promise<string | null> {
  await delay(SETTLE_MS);
  const beganAt = performance.now();
  const before = running.map((one) => one.delivered());
  await delay(seconds * 1000);
  const passedMs = performance.now() - beganAt;
  const short = running.map((one, index) => {
    const first = before[index];
    return first ? shortfall(first, one.delivered(), passedMs) : null;
  });
  return short.find((one) => one !== null) ?? null;
}

/** Starts one more until one of them loses frames or falls behind. */
export async function countProgrammes(
  clip: MixClip,
  { most, seconds }: { readonly most: number; readonly seconds: number },
): Promise<Carried> {
  const running: MixContender[] = [];
  try {
    for (;;) {
      const programmes = running.length;
      if (programmes === most) return { inputs: INPUTS, programmes, limit: 'no more were tried' };
      const next = await startRoomcastMix(clip, INPUTS);
      running.push(next);
      await next.ready();
      const missing = await whatIsMissing(running, seconds);
      if (missing !== null)
        return { inputs: INPUTS, programmes, limit: `with ${programmes + 1}: ${missing}` };
    }
  } finally {
    await Promise.all(running.map((one) => one.stop()));
  }
}
