import { Readable } from 'node:stream';

/** Proxies and readers see that the connection lives. */
const HEARTBEAT_MS = 15_000;
/** What a reader that does not read may make us keep. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/** One message of Server-Sent Events. */
export interface StreamedEvent {
  readonly type: string;
  readonly data: unknown;
}

export interface EventStreamOptions {
  /** Calls the listener with each event until the way to stop that it returns is called. */
  readonly hear: (listener: (event: StreamedEvent) => void) => () => void;
  readonly heartbeatMs?: number;
}

/** Server-Sent Events as a stream of text; it ends by itself for who reads too slowly. */
export function openEventStream({ hear, heartbeatMs = HEARTBEAT_MS }: EventStreamOptions): Readable {
  // Nothing is asked for: events come when they come.
  const stream = new Readable({ read: () => undefined });

  function write(text: string): void {
    if (stream.destroyed) return;
    if (stream.readableLength + text.length > MAX_BUFFERED_BYTES) stream.destroy();
    else stream.push(text);
  }

  const stop = hear(({ type, data }) => write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`));
  const timer = setInterval(() => write(': alive\n\n'), heartbeatMs);
  stream.once('close', () => {
    stop();
    clearInterval(timer);
  });
  // The answer's head goes out at once, so that a reader knows that it is heard.
  write(': events\n\n');
  return stream;
}
