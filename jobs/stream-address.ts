import { jobKey } from '../src/domain/job.ts';
import { signTicket, type TicketUse } from '../src/identity/tickets.ts';
import type { openStreamReader, StreamReader, StreamReaderOptions } from '../src/media/flv/stream-reader.ts';
import { everySecond } from './every-second.ts';
import type { HubStream, JobContext } from './job-context.ts';

/** Tickets live this long; every connection signs a new one. */
const TICKET_SECONDS = 300;

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

/** Reads a hub stream wherever it is, and goes with it when its user or its room moves to another gateway. */
export function readHubStream(
  context: JobContext,
  stream: HubStream,
  options: Omit<StreamReaderOptions, 'url' | 'log'> & {
    /** How long the gateway may gather what it sends; asked at every connection. 0 by default. */
    readonly mergeMs?: () => number;
  },
  openReader: typeof openStreamReader,
): StreamReader {
  const { facts, log } = context;
  let readAt: string | null = null;
  const reader = openReader({
    ...options,
    log,
    async url() {
      const gateway = await facts.locateStream(stream);
      readAt = gateway?.internalHttp ?? null;
      const ticket = streamTicket(context, stream.streamId, 'read');
      if (readAt === null) return null;
      const mergeMs = options.mergeMs?.() ?? 0;
      const merge = mergeMs > 0 ? `&merge=${mergeMs}` : '';
      return `${readAt}/internal/flv/${stream.streamId}?ticket=${ticket}${merge}`;
    },
  });
  const look = async (): Promise<void> => {
    const gateway = await facts.locateStream(stream);
    if (gateway !== null && readAt !== null && gateway.internalHttp !== readAt) reader.reconnect();
  };
  const trigger = (): void => {
    look().catch((error: unknown) => log.debug({ err: error }, 'a stream could not be located'));
  };
  const unwatch = facts.watchRoom(stream.appId, stream.room, trigger);
  // A stream may move to another gateway without its old connection ending.
  const stopLooking = everySecond(trigger);
  return {
    reconnect: () => reader.reconnect(),
    async stop() {
      unwatch();
      stopLooking();
      await reader.stop();
    },
  };
}
