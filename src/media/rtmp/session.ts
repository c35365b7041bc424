import type { ErrorCode } from '../../domain/errors.ts';
import { GatewayError } from '../../domain/errors.ts';
import type { RtmpUrl } from '../../domain/push/rtmp-url.ts';
import { type AmfValue, amfFields, decodeAmf, encodeAmf } from '../flv/amf.ts';
import { createChunkReader } from './chunk-reader.ts';
import { encodeMessage, INITIAL_CHUNK_BYTES, type RtmpMessage } from './chunks.ts';
import { HANDSHAKE_REPLY_BYTES, handshakeAnswer, handshakeHello } from './handshake.ts';

/** Payload bytes of the chunks we send: what OBS uses, every platform takes it. */
export const SEND_CHUNK_BYTES = 4096;

const TYPE = {
  setChunkSize: 1,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  command: 20,
} as const;
const CONTROL_STREAM = 2;
const COMMAND_STREAM = 3;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;
const MAX_REPLY_BYTES = 256 * 1024;
const DEFAULT_ACK_WINDOW = 2_500_000;

/** Where the session stands; a connection that ends there tells what was refused. */
export type SessionPhase = 'handshake' | 'connect' | 'publish' | 'live';

export interface SessionHooks {
  send(bytes: Buffer): void;
  /** The server accepted the stream; media may follow. */
  onLive(): void;
  /** The server said no, or broke the protocol. The session is over. */
  onFailure(error: GatewayError): void;
  /** Bytes the peer says it has received since the connection began (not wrapped). */
  onAcknowledged(totalBytes: number): void;
}

export interface RtmpSession {
  /** Sends the first bytes. */
  start(): void;
  /** Takes what the server sent. */
  push(chunk: Buffer): void;
  /** Asks for an acknowledgement every so many bytes from now on. */
  askAcknowledgements(everyBytes: number): void;
  /** Takes the stream back (FCUnpublish, deleteStream). */
  finish(): void;
  readonly phase: SessionPhase;
  readonly messageStreamId: number;
}

function refusal(code: ErrorCode, message: string, status: string): GatewayError {
  return new GatewayError(code, message, { blame: 'destination', retry: 'never', context: { status } });
}

/** A status code is a dotted word; whatever else a server writes there might echo the key. */
function statusWord(value: AmfValue): string {
  return typeof value === 'string' && /^[A-Za-z.]{1,64}$/.test(value) ? value : 'none';
}

/** The client's half of an RTMP publishing session, without the socket. */
export function createRtmpSession(url: RtmpUrl, ackEveryBytes: number, hooks: SessionHooks): RtmpSession {
  let phase: SessionPhase = 'handshake';
  let messageStreamId = 0;
  let hello: Buffer | null = Buffer.alloc(0);
  let over = false;
  let received = 0;
  let reported = 0;
  let ackWindow = DEFAULT_ACK_WINDOW;
  let acknowledged = 0;
  let nextTransaction = 1;
  const waiting = new Map<number, 'connect' | 'createStream'>();
  const reader = createChunkReader({ onMessage: take, maxMessageBytes: MAX_REPLY_BYTES });

  function sendMessage(type: number, data: Buffer, streamId = 0): void {
    const chunkStreamId = type === TYPE.command ? COMMAND_STREAM : CONTROL_STREAM;
    const chunkBytes = phase === 'handshake' ? INITIAL_CHUNK_BYTES : SEND_CHUNK_BYTES;
    hooks.send(encodeMessage({ type, timestamp: 0, streamId, data }, { chunkStreamId, chunkBytes }));
  }

  function sendUint32(type: number, value: number): void {
    const data = Buffer.alloc(4);
    data.writeUInt32BE(value >>> 0);
    sendMessage(type, data);
  }

  function command(name: string, values: readonly AmfValue[], streamId = 0): number {
    const transaction = nextTransaction;
    nextTransaction += 1;
    sendMessage(TYPE.command, encodeAmf([name, transaction, ...values]), streamId);
    return transaction;
  }

  function fail(error: GatewayError): void {
    if (over) return;
    over = true;
    hooks.onFailure(error);
  }

  function shakeHands(chunk: Buffer): void {
    hello = Buffer.concat([hello ?? Buffer.alloc(0), chunk]);
    if (hello.length > 0 && hello[0] !== 3) handshakeAnswer(hello);
    if (hello.length < HANDSHAKE_REPLY_BYTES) return;
    const rest = hello.subarray(HANDSHAKE_REPLY_BYTES);
    hooks.send(handshakeAnswer(hello));
    hello = null;
    sendUint32(TYPE.setChunkSize, SEND_CHUNK_BYTES);
    phase = 'connect';
    sendUint32(TYPE.windowAckSize, ackEveryBytes);
    const options = { app: url.app, type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; roomcast)' };
    waiting.set(command('connect', [{ ...options, tcUrl: url.tcUrl }]), 'connect');
    if (rest.length > 0) reader.push(rest);
  }

  function onConnected(): void {
    phase = 'publish';
    command('releaseStream', [null, url.key]);
    command('FCPublish', [null, url.key]);
    waiting.set(command('createStream', [null]), 'createStream');
  }

  function onResult(values: readonly AmfValue[]): void {
    const transaction = Number(values[1]);
    const asked = waiting.get(transaction);
    waiting.delete(transaction);
    if (asked === 'connect') onConnected();
    if (asked !== 'createStream') return;
    messageStreamId = Number(values[3] ?? 1) >>> 0;
    command('publish', [null, url.key, 'live'], messageStreamId);
  }

  function onError(values: readonly AmfValue[]): void {
    const asked = waiting.get(Number(values[1]));
    // Servers without releaseStream or FCPublish answer them with an error that means nothing.
    if (asked === undefined) return;
    const status = statusWord(amfFields(values[3])['code']);
    const isApp = asked === 'connect';
    fail(
      isApp
        ? refusal('app-refused', 'the server refused the application', status)
        : refusal('key-refused', 'the server refused to make a stream', status),
    );
  }

  function onStatus(values: readonly AmfValue[]): void {
    const info = amfFields(values[3]);
    const status = statusWord(info['code']);
    if (status === 'NetStream.Publish.Start' && phase === 'publish') {
      phase = 'live';
      hooks.onLive();
    } else if (info['level'] === 'error') {
      fail(refusal('key-refused', 'the server refused the stream key', status));
    }
  }

  function onCommand(data: Buffer): void {
    const values = decodeAmf(data);
    if (values[0] === '_result') onResult(values);
    else if (values[0] === '_error') onError(values);
    else if (values[0] === 'onStatus') onStatus(values);
  }

  function onUserControl(data: Buffer): void {
    if (data.length < 6 || data.readUInt16BE(0) !== PING_REQUEST) return;
    const pong = Buffer.from(data.subarray(0, 6));
    pong.writeUInt16BE(PING_RESPONSE);
    sendMessage(TYPE.userControl, pong);
  }

  function onAcknowledgement(sequence: number): void {
    const step = (sequence - (acknowledged % 2 ** 32)) >>> 0;
    if (step >= 2 ** 31) return;
    acknowledged += step;
    hooks.onAcknowledged(acknowledged);
  }

  function take(message: RtmpMessage): void {
    const { type, data } = message;
    const number = data.length >= 4 ? data.readUInt32BE(0) : 0;
    if (type === TYPE.setChunkSize) reader.setChunkBytes(number & 0x7fffffff);
    else if (type === TYPE.acknowledgement) onAcknowledgement(number);
    else if (type === TYPE.userControl) onUserControl(data);
    else if (type === TYPE.windowAckSize) ackWindow = Math.max(number, 1);
    else if (type === TYPE.command) onCommand(data);
  }

  function acknowledge(): void {
    if (hello !== null || received - reported < ackWindow / 2) return;
    reported = received;
    sendUint32(TYPE.acknowledgement, received);
  }

  return {
    start() {
      hooks.send(handshakeHello());
    },
    push(chunk) {
      if (over) return;
      received += chunk.length;
      try {
        if (hello === null) reader.push(chunk);
        else shakeHands(chunk);
        acknowledge();
      } catch (cause) {
        if (cause instanceof GatewayError && cause.code === 'handshake-failed') fail(cause);
        else fail(new GatewayError('handshake-failed', 'the server broke the protocol', brokenBy(cause)));
      }
    },
    askAcknowledgements(everyBytes) {
      if (!over && phase !== 'handshake') sendUint32(TYPE.windowAckSize, everyBytes);
    },
    finish() {
      if (over) return;
      over = true;
      if (phase !== 'live') return;
      command('FCUnpublish', [null, url.key]);
      command('deleteStream', [null, messageStreamId]);
    },
    get phase() {
      return phase;
    },
    get messageStreamId() {
      return messageStreamId;
    },
  };
}

function brokenBy(cause: unknown): { blame: 'destination'; cause: unknown } {
  return { blame: 'destination', cause };
}
