import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toGatewayError } from '../../../domain/errors.ts';
import { createGopKeeper, snapshotTags } from '../../flv/gop.ts';
import type { FlvTag } from '../../flv/tag.ts';
import { openRtmpPublisher, type RtmpPublisher } from '../../rtmp/publisher.ts';

export interface UplinkOptions {
  /** A fresh URL with ticket for each attempt; null while no gateway is known. */
  readonly url: () => string | null;
  readonly log: Logger;
  /** A run with a higher epoch publishes the programme. */
  readonly onFenced: () => void;
}

/** Keeps the programme published at the hub, whatever happens to hub and connection. */
export interface Uplink {
  push(tag: FlvTag): void;
  readonly isConnected: boolean;
  /** Sessions that the hub accepted. */
  readonly starts: number;
  /** The address changed: ends the session and begins one there. */
  move(): void;
  /** Sends what is waiting and ends the session. */
  close(): Promise<void>;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 1000;
const CONNECT_TIMEOUT_MS = 2000;
const PUBLISH_TIMEOUT_MS = 3000;
/** Some 10 s of programme: a hub that does not read is left and tried again. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
/** What the hub answers to an epoch lower than one it has seen, and to nothing else. */
const FENCED_STATUS = 'NetStream.Publish.BadName';

export function openUplink(options: UplinkOptions): Uplink {
  const { log } = options;
  const gop = createGopKeeper();
  const stopping = new AbortController();
  let session: RtmpPublisher | null = null;
  let starts = 0;
  let moved = false;

  function begin(publisher: RtmpPublisher): void {
    for (const tag of snapshotTags(gop.snapshot())) publisher.write(tag);
    session = publisher;
    starts += 1;
  }

  async function attempt(url: string): Promise<boolean> {
    moved = false;
    const publisher = await openRtmpPublisher({
      url,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      publishTimeoutMs: PUBLISH_TIMEOUT_MS,
      signal: stopping.signal,
    });
    if (moved) {
      await publisher.close();
      return true;
    }
    begin(publisher);
    log.info('programme is published');
    const end = await publisher.closed;
    session = null;
    if (!stopping.signal.aborted) log.warn({ code: end.code, reason: end.message }, 'publishing ended');
    return true;
  }

  /** True when the attempt had been accepted. */
  async function attemptSafely(): Promise<boolean> {
    const url = options.url();
    if (url === null) return false;
    try {
      return await attempt(url);
    } catch (error) {
      const { code, message, context } = toGatewayError(error);
      if (stopping.signal.aborted) return false;
      log.warn({ code, reason: message }, 'the hub did not take the programme');
      if (code === 'key-refused' && context['status'] === FENCED_STATUS) options.onFenced();
      return false;
    }
  }

  async function run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!stopping.signal.aborted) {
      const accepted = await attemptSafely();
      retryMs = accepted ? FIRST_RETRY_MS : Math.min(retryMs * 1.5, MAX_RETRY_MS);
      // Rejects only when we are closed, which the loop sees itself.
      await delay(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    get isConnected() {
      return session !== null;
    },
    get starts() {
      return starts;
    },
    move() {
      moved = true;
      const left = session;
      session = null;
      left?.close().catch((error: unknown) => log.error({ err: error }, 'the session did not end'));
    },
    push(tag) {
      gop.push(tag);
      if (!session) return;
      if (session.bufferedBytes > MAX_BUFFERED_BYTES) {
        log.warn('the hub does not read; connecting anew');
        session.destroy();
        session = null;
        return;
      }
      session.write(tag);
    },
    async close() {
      await session?.close();
      stopping.abort();
      await running;
    },
  };
}
