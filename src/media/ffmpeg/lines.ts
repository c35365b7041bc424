import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Takes what a child writes into memory of its own. */
export interface LineReader {
  /** Where the next bytes go; asked before each read, and never empty. */
  room(): Uint8Array;
  /** So many bytes have come to where the last room was. */
  took(count: number): void;
}

/**
 * A connection on which a child writes and we read. Node's own pipes make a buffer of 64 kB for each read, however
 * little comes, and collecting those took a third of the programme's time; a socket reads into what it is given.
 */
export interface Line {
  /** Given to one child as one of its descriptors; ours of it is then closed. */
  readonly childEnd: Socket;
  /** Ends reading; a line that a child has ended closes by itself. */
  close(): void;
}

/** Addresses of local sockets are that short. */
const MAX_PATH_BYTES = 100;

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'roomcast-'));
  if (Buffer.byteLength(folder) + 2 <= MAX_PATH_BYTES) return folder;
  await rm(folder, { recursive: true });
  return mkdtemp('/tmp/roomcast-');
}

async function openLine(server: Server, address: string, reader: LineReader): Promise<Line> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const ours = connect({
    path: address,
    onread: {
      buffer: () => reader.room(),
      callback(count) {
        reader.took(count);
        return true;
      },
    },
  });
  try {
    await once(ours, 'connect');
    const [childEnd] = await accepted;
    // A child that is killed may reset the connection: its exit tells.
    ours.on('error', () => undefined);
    childEnd.on('error', () => undefined);
    return {
      childEnd,
      close() {
        ours.destroy();
        childEnd.destroy();
      },
    };
  } catch (error) {
    ours.destroy();
    accepted.catch(() => undefined);
    throw error;
  }
}

/** A line for each reader. The address under which the two ends meet is gone when it resolves. */
export async function openLines(readers: readonly LineReader[]): Promise<readonly Line[]> {
  const folder = await makeFolder();
  const server = createServer({ pauseOnConnect: true });
  const lines: Line[] = [];
  try {
    const address = path.join(folder, 's');
    server.listen(address);
    await once(server, 'listening');
    for (const reader of readers) lines.push(await openLine(server, address, reader));
    return lines;
  } catch (error) {
    for (const line of lines) line.close();
    throw error;
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}
