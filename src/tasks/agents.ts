import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { canonicalUser, type RoomId, roomKey } from '../domain/ids.ts';
import type { Announcements } from '../queue/announcements.ts';
import { onReady } from '../queue/redis.ts';
import { TASKS_CHANGED, type TaskStore } from './task-store.ts';

/** The user names under which mixes are published, as this process last read them. */
export interface Agents {
  /** Asks nobody: the answer is the last known one while Redis is away. */
  has(appId: number, room: RoomId, userId: string): boolean;
  stop(): void;
}

export interface AgentsDeps {
  readonly redis: Redis;
  readonly tasks: Pick<TaskStore, 'listRunning'>;
  readonly announcements: Announcements;
  readonly log: Logger;
}

/** An announcement that got lost is made up for within this time. */
const READ_EVERY_MS = 10_000;

function agentKey(appId: number, room: RoomId, userId: string): string {
  return `${roomKey(appId, room)}/${canonicalUser(userId)}`;
}

/** Follows the running tasks and keeps the names of their agents. */
export function followAgents({ redis, tasks, announcements, log }: AgentsDeps): Agents {
  let names: ReadonlySet<string> = new Set();
  let reading = false;
  let isStale = false;

  async function read(): Promise<void> {
    isStale = true;
    if (reading) return;
    reading = true;
    while (isStale) {
      isStale = false;
      try {
        const running = await tasks.listRunning();
        const mixed = running.filter((task) => task.source.type === 'mix');
        names = new Set(mixed.map((task) => agentKey(task.appId, task.room, task.agentUserId)));
      } catch (error) {
        log.debug({ err: error }, 'agents not read'); // Redis is away: read again when it is back
      }
    }
    reading = false;
  }

  const hear = () => void read();
  const stopHearing = announcements.on(TASKS_CHANGED, hear);
  const stopWaiting = onReady(redis, hear);
  const timer = setInterval(hear, READ_EVERY_MS);
  return {
    has: (appId, room, userId) => names.has(agentKey(appId, room, userId)),
    stop() {
      stopHearing();
      stopWaiting();
      clearInterval(timer);
    },
  };
}
