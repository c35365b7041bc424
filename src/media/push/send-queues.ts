import { readFile } from 'node:fs/promises';

/** TCP ports of both ends of a connection of ours. */
export interface SocketPorts {
  readonly local: number;
  readonly remote: number;
}

/** Bytes that the system still keeps for connections: handed over, and not confirmed by the peer's TCP. */
export interface SendQueues {
  /** Null for a connection that is not there, or for two that look alike. */
  waitingBytes(ports: SocketPorts): number | null;
}

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const ROW = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]+):/gm;

/** Reads tables of sockets as Linux writes them. */
export function parseSendQueues(tables: string): SendQueues {
  const queues = new Map<string, number | null>();
  for (const [, local = '', remote = '', bytes = ''] of tables.matchAll(ROW)) {
    const key = `${Number.parseInt(local, 16)}-${Number.parseInt(remote, 16)}`;
    queues.set(key, queues.has(key) ? null : Number.parseInt(bytes, 16));
  }
  return { waitingBytes: ({ local, remote }) => queues.get(`${local}-${remote}`) ?? null };
}

/**
 * A reading that many may ask for at once: who comes while one runs shares the next, so that each answer is younger
 * than its question and no two readings run beside each other.
 */
export function sharedReading<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;

  function start(): Promise<T> {
    next = null;
    const reading = read().finally(() => {
      if (running === reading) running = null;
    });
    running = reading;
    return reading;
  }

  return () => {
    if (running === null) return start();
    next ??= running.then(start, start);
    return next;
  };
}

async function readTables(): Promise<SendQueues | null> {
  const texts = await Promise.all(TABLES.map((file) => readFile(file, 'latin1').catch(() => '')));
  const tables = texts.join('\n');
  return tables.trim() === '' ? null : parseSendQueues(tables);
}

/** As of now; null where the system does not tell. Never throws. All runs of a process share what is read. */
export const readSendQueues = sharedReading(readTables);
