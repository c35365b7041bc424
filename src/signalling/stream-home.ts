import type { Redis } from 'ioredis';
import type { RoomId } from '../domain/ids.ts';
import type { PublicUrls } from '../domain/playback-urls.ts';
import { reach } from '../queue/redis.ts';
import { readGateway } from '../rooms/gateway-facts.ts';
import { readRoom } from '../rooms/room-facts.ts';

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
