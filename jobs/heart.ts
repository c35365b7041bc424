import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { onReady } from '../src/queue/redis.ts';
import { HEARTBEAT_EVERY_MS } from '../src/tasks/lease.ts';
import type { Runs } from './runs.ts';

export interface Heart {
  /** Resolves after the first beat, whether Redis heard it or not. */
  readonly firstBeat: Promise<void>;
  stop(): Promise<void>;
}

/** Beats until stopped; after each reconnect everything this worker knows is written again. */
export function startHeart(redis: Redis, runs: Runs, log: Logger): Heart {
  let stopped = false;
  let announceDue = false;
  let wake: () => void = () => undefined;
  const stopWaiting = onReady(redis, () => {
    announceDue = true;
    wake();
  });

  async function beat(): Promise<void> {
    const announcing = announceDue;
    announceDue = false;
    try {
      if (!announcing) return await runs.beat();
      await runs.announce();
      // What changed during an outage was announced to nobody.
      runs.update();
    } catch (error) {
      announceDue = true;
      log.debug({ err: error }, 'no heartbeat');
    }
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, HEARTBEAT_EVERY_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function loop(): Promise<void> {
    await firstBeat;
    while (!stopped) {
      await pause();
      if (!stopped) await beat();
    }
  }

  const firstBeat = beat();
  const looping = loop();
  return {
    firstBeat,
    async stop() {
      stopWaiting();
      stopped = true;
      wake();
      await looping;
    },
  };
}
