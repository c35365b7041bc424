import type { RoomId } from '../src/domain/ids.ts';
import { jobKey } from '../src/domain/job.ts';
import { signTicket, type TicketUse } from '../src/identity/tickets.ts';
import type { JobContext } from './job-context.ts';

/** Tickets live this long; every connection signs a new one. */
const TICKET_SECONDS = 300;

export interface HubStream {
  readonly appId: number;
  readonly room: RoomId;
  readonly streamId: string;
}

/** A fresh internal ticket for a stream, fenced by this run's job and epoch. */
export function streamTicket(context: JobContext, streamId: string, use: TicketUse): string {
  return signTicket(context.clusterSecret, {
    use,
    stream: streamId,
    task: jobKey(context.job),
    epoch: context.epoch,
    expires: Math.floor(Date.now() / 1000) + TICKET_SECONDS,
  });
}

/** Where this run reads a hub stream now, ticket included; null while no gateway is known. */
export async function streamReadUrl(context: JobContext, stream: HubStream): Promise<string | null> {
  const gateway = await context.facts.locateRoom(stream.appId, stream.room);
  if (!gateway) return null;
  const ticket = streamTicket(context, stream.streamId, 'read');
  return `${gateway.internalHttp}/internal/flv/${stream.streamId}?ticket=${ticket}`;
}
