import type { Redis } from 'ioredis';
import { parseStreamId, type RoomId, streamId } from '../domain/ids.ts';
import type { PublicUrls } from '../domain/playback-urls.ts';
import { reach } from '../queue/redis.ts';
import { readGateway } from './gateway-facts.ts';
import { readRoom } from './room-facts.ts';

/**
 * Where viewers find the gateway that has a stream of this room: a user's is where it is published, a mix at the
 * room's home. null: no such room or gateway is known. Throws `redis-away`.
 */
export function findStreamHome(
  redis: Redis,
  { appId, room, streamId }: { readonly appId: number; readonly room: RoomId; readonly streamId: string },
): Promise<PublicUrls | null> {
  return reach(async () => {
    const facts = await readRoom(redis, appId, room);
    if (facts === null) return null;
    const stream = facts.users.flatMap(({ streams }) => streams).find((one) => one.streamId === streamId);
    const gateway = await readGateway(redis, stream?.gatewayId ?? facts.gatewayId);
    return gateway && { http: gateway.publicHttp, rtmp: gateway.publicRtmp };
  });
}

/**
 * The HTTP address of another gateway that has the stream, as that one published it; null: it is here, or nobody has
 * it. Throws `redis-away`.
 */
export async function findElsewhere(
  redis: Redis,
  streamText: string,
  own: PublicUrls,
): Promise<string | null> {
  const name = parseStreamId(streamText);
  if (name === null) return null;
  const home = await findStreamHome(redis, { ...name, streamId: streamId(name) });
  return home === null || home.http === own.http ? null : home.http;
}
