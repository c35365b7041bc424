import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cluster, type Role } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { openRedisLine, type RedisLine } from '../../support/redis-line.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import { type RtmpSink, startRtmpSink } from '../../support/rtmp-sink.ts';
import { cliJson, GUESTS, type ListedRelay, Studio, untilLive } from '../../support/studio.ts';

const ROOM = 58;
const PROGRAMME = ['--size', '320x180', '--fps', '15'];

interface Session {
  readonly startedAt: number;
  /** null while it is on the air. */
  endedAt: number | null;
}

/** Its own log of who published: it lets in whoever asks, however many they are. */
interface LaxServer {
  readonly sink: RtmpSink;
  readonly sessions: readonly Session[];
}

async function startLaxServer(): Promise<LaxServer> {
  const sessions: Session[] = [];
  const sink = await startRtmpSink({
    onMedia: () => undefined,
    onPublish(socket) {
      const session: Session = { startedAt: performance.now(), endedAt: null };
      sessions.push(session);
      socket.once('close', () => {
        session.endedAt = performance.now();
      });
    },
  });
  return { sink, sessions };
}

describe('a worker that is cut off from Redis and loses its lease', () => {
  let cluster: Cluster;
  let line: RedisLine;
  let nginx: NginxRtmp;
  let lax: LaxServer;
  let studio: Studio;
  let gateway: RunningRoomcast;
  let first: Role;

  beforeEach(async () => {
    cluster = await Cluster.open();
    line = await openRedisLine(cluster.redis.port);
    [nginx, lax, studio, gateway, first] = await Promise.all([
      startNginxRtmp({ applications: ['live'] }),
      startLaxServer(),
      Studio.open([GUESTS.red]),
      cluster.startGateway(),
      cluster.startWorker(undefined, line.url),
    ]);
    await studio.publish(gateway, ROOM, GUESTS.red);
    await eventually(async () => (await cliJson<unknown[]>(gateway, 'rooms')).length === 1);
  });

  afterEach(async () => {
    await studio?.close();
    await cluster?.close();
    await line?.close();
    await nginx?.stop();
    await lax?.sink.close();
  });

  it.for([
    { what: 'a user', source: ['--single', 'red'] },
    { what: 'a mix', source: PROGRAMME },
  ])(
    'has left the servers when another pushes $what there: no key ever has two sessions',
    async ({ source }) => {
      const { taskId } = await cliJson<ListedRelay>(
        gateway,
        ...['relay', 'start', '--room', String(ROOM), ...source],
        ...['--to', nginx.rtmpUrl('live', 'key'), '--to', lax.sink.url],
      );
      await untilLive(gateway, taskId);
      await cluster.startWorker();
      await cluster.redisIsSteady();
      expect(first.logs()).toContain(`"job":"push-${taskId}"`);
      line.cut();

      await eventually(() => lax.sessions.length > 1, 30_000);
      await untilLive(gateway, taskId);
      line.mend();
      // It hears from Redis, too, that it is not its job any more.
      await eventually(() => first.logs().includes('Redis is back'), 30_000);
      await untilLive(gateway, taskId);

      const [old, next, ...more] = lax.sessions;
      expect(more).toEqual([]);
      expect(old?.endedAt).toBeLessThanOrEqual(next?.startedAt ?? 0);
      expect(next?.endedAt).toBeNull();
      // nginx refuses a second publisher, and tells of that one too.
      const [atNginx, nextAtNginx, ...moreAtNginx] = await nginx.sessionTimes('live', 'key');
      expect(moreAtNginx).toEqual([]);
      expect(atNginx?.endedAt).toBeLessThanOrEqual(nextAtNginx?.startedAt ?? 0);
      expect(nextAtNginx?.endedAt).toBeNull();
    },
  );
});
