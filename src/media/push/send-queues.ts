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

/** As of now; null where the system does not tell. Never throws. */
export async function readSendQueues(): Promise<SendQueues | null> {
  const texts = await Promise.all(TABLES.map((file) => readFile(file, 'latin1').catch(() => '')));
  const tables = texts.join('\n');
  return tables.trim() === '' ? null : parseSendQueues(tables);
}
