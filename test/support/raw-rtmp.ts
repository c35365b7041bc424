import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type AmfValue, encodeAmf } from '../../src/media/flv/amf.ts';
import { eventually } from './eventually.ts';

const HANDSHAKE_BYTES = 1537;
const CHUNK_BYTES = 128;
const COMMAND = 20;
/** The first answers; media behind them is not looked at. */
const KEPT_BYTES = 65_536;

/** Header of a message (type 0) and its body in chunks of 128 bytes; the length may lie. */
export function rtmpMessage(
  type: number,
  body: Buffer,
  { cid = 3, streamId = 0, length = body.length } = {},
): Buffer {
  const header = Buffer.alloc(12);
  header[0] = cid;
  header.writeUIntBE(length, 4, 3);
  header[7] = type;
  header.writeUInt32LE(streamId, 8);
  const parts: Buffer[] = [header];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    if (at > 0) parts.push(Buffer.from([0xc0 | cid]));
    parts.push(body.subarray(at, at + CHUNK_BYTES));
  }
  return Buffer.concat(parts);
}

/** A connection that says whatever the test wants. */
export class RawRtmp {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined); // being cut off is what most attacks end with
    socket.on('data', (data) => {
      if (this.#received.length < KEPT_BYTES) this.#received = Buffer.concat([this.#received, data]);
    });
    this.closed = once(socket, 'close').then(() => {
      this.#isClosed = true;
    });
  }

  /** Connected, nothing said. */
  static async open(port: number): Promise<RawRtmp> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawRtmp(socket);
  }

  /** Behind the handshake. */
  static async shakeHands(port: number): Promise<RawRtmp> {
    const client = await RawRtmp.open(port);
    const c1 = Buffer.concat([Buffer.alloc(8), randomBytes(1528)]);
    client.send(Buffer.concat([Buffer.from([3]), c1]));
    await eventually(() => client.#received.length >= HANDSHAKE_BYTES);
    client.send(c1);
    return client;
  }

  /** Connected to an application. */
  static async connected(port: number, app = 'push'): Promise<RawRtmp> {
    const client = await RawRtmp.shakeHands(port);
    client.command('connect', { app, tcUrl: `rtmp://127.0.0.1/${app}` });
    await client.until('NetConnection.Connect.Success');
    client.command('createStream', null);
    return client;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(bytes: Buffer): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  message(type: number, body: Buffer, options?: { cid?: number; streamId?: number; length?: number }): void {
    this.send(rtmpMessage(type, body, options));
  }

  command(name: string, ...values: AmfValue[]): void {
    this.message(COMMAND, encodeAmf([name, 1, ...values]));
  }

  /** Waits for the first of some texts in what the server said. */
  async untilOneOf(texts: readonly string[]): Promise<string> {
    return eventually(() => texts.find((text) => this.#received.includes(text)));
  }

  /** Waits for a text in what the server said. */
  async until(text: string): Promise<void> {
    await eventually(() => this.#received.includes(text));
  }

  /** Of the last status in what the server said, or null. */
  description(): string | null {
    const at = this.#received.lastIndexOf('description');
    if (at < 0 || this.#received.length < at + 14) return null;
    const length = this.#received.readUInt16BE(at + 12);
    const text = this.#received.subarray(at + 14, at + 14 + length);
    return text.length < length ? null : text.toString();
  }

  destroy(): void {
    this.socket.destroy();
  }
}
