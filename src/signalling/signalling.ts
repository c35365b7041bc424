import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Apps } from '../config/app.ts';
import { toGatewayError } from '../domain/errors.ts';
import type { PublicUrls } from '../domain/playback-urls.ts';
import type { RoomEvent } from '../domain/room-event.ts';
import type { Secret } from '../domain/secret.ts';
import type { Groups } from '../groups/groups.ts';
import type { Announcements } from '../queue/announcements.ts';
import { onReady, Steadiness } from '../queue/redis.ts';
import { findStreamHome } from '../rooms/stream-home.ts';
import type { Connection } from './connection.ts';
import { deliverGroupEvent, groupHandlers } from './group-desk.ts';
import { Levels } from './levels.ts';
import { DEFAULT_SIGNAL_LIMITS, type SignalLimits } from './limits.ts';
import { LoginDesk } from './login-desk.ts';
import { createLogins } from './logins.ts';
import { MediaDesk, type MediaDeskDeps } from './media-desk.ts';
import type { RequestOf } from './protocol-requests.ts';
import type { Registry } from './registry.ts';
import { type Reply, Requests } from './requests.ts';
import { RoomDesk, type RoomDeskDeps } from './room-desk.ts';
import { RoomFeed } from './room-feed.ts';
import { SignalServer } from './server.ts';
import { SignalCounts, type SignalView } from './signal-counts.ts';
import { nextNotice } from './ticket-notice.ts';

export interface SignallingDeps {
  /** Of purpose `facts`. */
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly registry: Registry;
  readonly groups: Groups;
  readonly apps: Apps;
  readonly clusterSecret: Secret;
  /** Whether mixes of a room are published as that user. */
  readonly isAgent?: RoomDeskDeps['isAgent'];
  /** For how long a lost user stays in its room. */
  readonly graceMs: number;
  readonly publicUrls: () => PublicUrls;
  readonly log: Logger;
  readonly limits?: Partial<SignalLimits>;
}

export interface Signalling {
  /** Takes upgrades of `/ws`; false: another path. `refuse` answers with a status. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    refuse: (socket: Duplex, status: number) => void,
  ): boolean;
  /** For the metrics. */
  view(): SignalView;
  /** Everyone is told to come back elsewhere. */
  close(): Promise<void>;
}

/** A login can be resumed for a while longer than its user stays in the room. */
const RESUMABLE_MORE_MS = 60_000;
/** What was missed while Redis was away, and kicks that were, are made good this often. */
const KEEP_EVERY_MS = 10 * 60_000;

/** Users over WebSocket: logins, rooms, levels and groups of one gateway. */
export function createSignalling(deps: SignallingDeps): Signalling {
  const { redis, announcements, registry, groups, apps, clusterSecret, publicUrls, log } = deps;
  const limits = { ...DEFAULT_SIGNAL_LIMITS, ...deps.limits };
  const now = Date.now;
  const failed = (error: Error) => log.debug({ reason: error.message }, 'logins not kept'); // the next time does it
  const logins = createLogins({ redis, announcements, now });
  const feed = new RoomFeed(registry, log);
  const counts = new SignalCounts();
  const levels = new Levels({
    processId: randomUUID(),
    feed,
    announcements,
    publish: (channel, message) => void redis.publish(channel, message).catch(failed),
    everyMs: limits.levelsEveryMs,
  });
  const steadiness = new Steadiness(redis);
  const desk = new LoginDesk({
    ...{ apps, logins, registry, feed, groups, log, now },
    steadyForMs: () => steadiness.steadyForMs(now()),
    resumableMs: deps.graceMs + RESUMABLE_MORE_MS,
    silentMs: limits.silentMs,
  });
  const isAgent = deps.isAgent ?? (() => false);
  const rooms = new RoomDesk({ apps, logins, registry, feed, levels, log, now, isAgent });
  const findHome: MediaDeskDeps['findHome'] = (stream) => findStreamHome(redis, stream);
  const media = new MediaDesk({ registry, clusterSecret, publicUrls, findHome, now });
  const requests = new Requests(
    {
      login: (connection, request) => countLogin(counts, desk.login(connection, request), request),
      enter: (connection, request) => rooms.enter(connection, request),
      leave: (connection) => rooms.leave(connection),
      switchRole: (connection, request) => rooms.switchRole(connection, request),
      switchRoleName: (connection, request) => rooms.switchRoleName(connection, request),
      media: (connection, request) => rooms.media(connection, request),
      level: (connection, request) => rooms.level(connection, request),
      renewTicket: (connection, request) => rooms.renewTicket(connection, request),
      snapshot: (connection) => rooms.snapshot(connection),
      publish: (connection, request) => media.publish(connection, request),
      play: (connection, request) => media.play(connection, request),
      ping: () => ({ answer: { at: now() } }),
      ...groupHandlers(groups),
    },
    log,
  );
  const onSweep = (connection: Connection) => watchTicket(connection, now(), limits.ticketNoticeMs);
  const onClosed = (connection: Connection) => desk.closed(connection);
  const server = new SignalServer({ limits, requests, counts, onSweep, onClosed });
  const keepAll = () => void desk.keepAll().catch(failed);
  const keepTimer = setInterval(keepAll, KEEP_EVERY_MS);
  const repairTimer = setInterval(() => feed.sweep(), limits.sweepEveryMs);
  const stops = [
    registry.onEvict(({ sessionId, reason }) => sessionId !== undefined && desk.evict(sessionId, reason)),
    groups.follow((delivery) => deliverGroupEvent(delivery, (userKey) => desk.find(userKey))),
    onReady(redis, keepAll),
    // Kicks that were said meanwhile nobody heard here.
    announcements.onBack(keepAll),
    // After the feed, which has sent them by then.
    registry.follow({
      onEvents: (key, events) => countEvents(counts, feed.has(key) ? events : [], now()),
      onGap: () => undefined,
    }),
  ];
  return {
    upgrade: (...args) => server.upgrade(...args),
    view: () => counts.view(server.now()),
    async close() {
      await server.close();
      clearInterval(keepTimer);
      clearInterval(repairTimer);
      for (const stop of stops) stop();
      desk.close();
      steadiness.close();
      levels.close();
      feed.close();
    },
  };
}

async function countLogin(
  counts: SignalCounts,
  login: Promise<Reply<'login'>>,
  { resume }: RequestOf<'login'>,
): Promise<Reply<'login'>> {
  try {
    const reply = await login;
    if (resume !== undefined) counts.resumption(reply.answer.resumed);
    return reply;
  } catch (error) {
    counts.loginRefused(toGatewayError(error).code);
    throw error;
  }
}

function countEvents(counts: SignalCounts, events: readonly RoomEvent[], nowMs: number): void {
  for (const { at } of events) counts.eventSent(nowMs - at);
}

function watchTicket(connection: Connection, nowMs: number, aheadMs: number): void {
  const next = nextNotice(connection.permit, connection.noticed, nowMs, aheadMs);
  if (next === null || connection.room === null) return;
  connection.noticed = next.notice;
  connection.push({ type: 'notice', notice: `ticket-${next.notice}`, expiresAt: next.expiresAt });
}
