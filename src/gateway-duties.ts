import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { startCallbackDelivery } from './callbacks/delivery.ts';
import { createCallbackSender } from './callbacks/outbox.ts';
import { tellRelayEnds } from './callbacks/relay-callbacks.ts';
import { type Apps, autoSettings, callbackApps } from './config/app.ts';
import type { Config } from './config/config.ts';
import type { Secret } from './domain/secret.ts';
import type { Announcements } from './queue/announcements.ts';
import { reach } from './queue/redis.ts';
import { createAutoStarter } from './rooms/auto-starter.ts';
import { removeDeadGatewayUsers } from './rooms/gateway-facts.ts';
import type { RoomStore } from './rooms/room-store.ts';
import { RoomTable } from './rooms/room-table.ts';
import { startWatcher } from './rooms/watcher.ts';
import type { Closers } from './supervisor/closers.ts';
import { createTaskStore } from './tasks/task-store.ts';

/** What one gateway does for all, and every gateway offers to do: to watch the rooms and to deliver callbacks. */
export function startDuties(parts: {
  readonly gatewayId: string;
  readonly apps: Apps;
  readonly config: Config;
  readonly clusterSecret: Secret;
  readonly redis: Redis;
  readonly store: RoomStore;
  readonly announcements: Announcements;
  readonly closers: Closers;
  readonly log: Logger;
}): void {
  const { gatewayId, apps, config, clusterSecret, redis, store, announcements, closers, log } = parts;
  const graceMs = config.lostUserGraceSeconds * 1000;
  const tasks = createTaskStore(redis);
  const autoLog = log.child({ part: 'auto' });
  const rooms = new RoomTable(redis, announcements);
  closers.add('room table', async () => rooms.close());
  const callbacks = createCallbackSender({ redis, log: log.child({ part: 'callbacks' }) });
  closers.add('callback sender', () => callbacks.close());
  const watcher = startWatcher({
    redis,
    announcements,
    gatewayId,
    tasks,
    rooms: {
      read: () => rooms.read(),
      removeDeadGatewayUsers: (table) =>
        reach(() => removeDeadGatewayUsers(redis, store, table, { nowMs: Date.now(), graceMs })),
    },
    auto: createAutoStarter({ settings: autoSettings(apps), tasks, clusterSecret, log: autoLog }),
    onLeftBehind: (left) =>
      tellRelayEnds({ left, getTasks: tasks.getMany, send: callbacks.send, now: Date.now }),
    log: log.child({ part: 'watcher' }),
  });
  closers.add('watcher', () => watcher.stop());
  const delivery = startCallbackDelivery({
    redis,
    announcements,
    who: gatewayId,
    ...callbackApps(apps),
    log: log.child({ part: 'callbacks' }),
  });
  closers.add('callbacks', () => delivery.stop());
}
