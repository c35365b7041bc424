import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { onReady } from '../queue/redis.ts';
import type { RoomKeeper } from './room-keeper.ts';
import { expireLost } from './room-state.ts';
import type { RoomStore } from './room-store.ts';

const TICK_MS = 250;
/** Others need this long to write what they know after Redis was away: nobody is taken for lost before. */
const REWRITE_MS = 5000;
const MOST_AT_ONCE = 100;

/** Takes users out whose grace is over, whichever gateway they were at; returns the way to stop. */
export function removeLostUsers(deps: {
  readonly redis: Redis;
  readonly store: RoomStore;
  readonly keeper: Pick<RoomKeeper, 'exclusive' | 'commit'>;
  readonly graceMs: number;
  readonly log: Logger;
}): () => void {
  const { redis, store, keeper, graceMs, log } = deps;
  let contacts = 0;
  let trustAtMs = 0;
  let isLooking = false;

  async function removeFrom(key: string): Promise<void> {
    const written = await keeper.exclusive(key, () =>
      keeper.commit(key, (stored) => ({ facts: expireLost(stored, Date.now(), graceMs), left: 'timeout' })),
    );
    if (written.type === 'unchanged' && written.facts === null) await store.forgetLost(key);
  }

  async function look(): Promise<void> {
    if (isLooking || redis.status !== 'ready' || performance.now() < trustAtMs) return;
    isLooking = true;
    try {
      for (const key of await store.lostBefore(Date.now() - graceMs, MOST_AT_ONCE)) await removeFrom(key);
    } catch (error) {
      log.debug({ reason: (error as Error).message }, 'lost users not looked for'); // the next tick does
    } finally {
      isLooking = false;
    }
  }

  const timer = setInterval(() => void look(), TICK_MS);
  const stopWaiting = onReady(redis, () => {
    contacts += 1;
    if (contacts > 1) trustAtMs = performance.now() + REWRITE_MS;
  });
  return () => {
    clearInterval(timer);
    stopWaiting();
  };
}
