import { GatewayError } from '../../domain/errors.ts';
import { type AmfValue, decodeAmfStart, encodeAmf } from '../flv/amf.ts';
import { createChunkReader } from './chunk-reader.ts';
import { encodeMessage, INITIAL_CHUNK_BYTES, type RtmpMessage } from './chunks.ts';
import { HANDSHAKE_REPLY_BYTES, handshakeAnswer, handshakeHello } from './handshake.ts';
import { type ConnectRefusal, connectRefusal, infoOf, refusal, statusOf } from './replies.ts';

/** Payload bytes of the chunks we send: what OBS uses, every platform takes it. */
export const SEND_CHUNK_BYTES = 4096;

const TYPE = {
  setChunkSize: 1,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  amf3Command: 17,
  command: 20,
} as const;
const CONTROL_STREAM = 2;
const COMMAND_STREAM = 3;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;
const MAX_REPLY_BYTES = 256 * 1024;
const DEFAULT_ACK_WINDOW = 2_500_000;
/** Codecs of enhanced RTMP that we pass on as they come, in the form that OBS and FFmpeg announce them. */
const FOUR_CC_LIST = ['av01', 'vp09', 'hvc1'];
/** What a server says of a stream that it ended by itself, the connection left open. */
const ENDED = new Set(['NetStream.Unpublish.Success', 'NetConnection.Connect.Closed']);
/**
 * A no to the name, whatever level a server gives it. Other complaints about FCPublish only say that it is not known
 * there.
 */
const NAME_REFUSED = new Set(['NetStream.Publish.BadName', 'NetStream.Publish.Denied']);

/** Where the session stands; a connection that ends there tells what was refused. */
export type SessionPhase = 'handshake' | 'connect' | 'publish' | 'live';

/** What `connect` announces and what is published then. */
export interface SessionNames {
  readonly app: string;
  readonly tcUrl: string;
  readonly key: string;
}

export interface SessionHooks {
  send(bytes: Buffer): void;
  /** A phase was reached; with `live` the server accepted the stream and media may follow. */
  onPhase(phase: SessionPhase): void;
  /** The server did not accept `connect`. The session is over. */
  onConnectRefused(refusal: ConnectRefusal): void;
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
  /** How often the peer has acknowledged. */
  readonly acknowledgements: number;
}

/** The client's half of an RTMP publishing session, without the socket. */
export function createRtmpSession(
  names: SessionNames,
  ackEveryBytes: number,
  hooks: SessionHooks,
): RtmpSession {
  let phase: SessionPhase = 'handshake';
  let messageStreamId = 0;
  let hello: Buffer | null = Buffer.alloc(0);
  let over = false;
  let received = 0;
  let reported = 0;
  let ackWindow = DEFAULT_ACK_WINDOW;
  let acknowledged = 0;
  let askedWindow = ackEveryBytes;
  let peerBandwidth = Number.POSITIVE_INFINITY;
  let acknowledgements = 0;
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

  function reach(next: SessionPhase): void {
    phase = next;
    hooks.onPhase(next);
  }

  function refuseConnect(values: readonly AmfValue[]): void {
    if (over) return;
    over = true;
    hooks.onConnectRefused(connectRefusal(values));
  }

  function shakeHands(chunk: Buffer): void {
    hello = Buffer.concat([hello ?? Buffer.alloc(0), chunk]);
    if (hello.length > 0 && hello[0] !== 3) handshakeAnswer(hello);
    if (hello.length < HANDSHAKE_REPLY_BYTES) return;
    const rest = hello.subarray(HANDSHAKE_REPLY_BYTES);
    hooks.send(handshakeAnswer(hello));
    hello = null;
    sendUint32(TYPE.setChunkSize, SEND_CHUNK_BYTES);
    reach('connect');
    sendUint32(TYPE.windowAckSize, ackEveryBytes);
    const options = { app: names.app, type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; roomcast)' };
    const told = { ...options, tcUrl: names.tcUrl, fourCcList: FOUR_CC_LIST };
    waiting.set(command('connect', [told]), 'connect');
    if (rest.length > 0) reader.push(rest);
  }

  function onConnected(): void {
    reach('publish');
    command('releaseStream', [null, names.key]);
    command('FCPublish', [null, names.key]);
    waiting.set(command('createStream', [null]), 'createStream');
  }

  function onResult(values: readonly AmfValue[]): void {
    const transaction = Number(values[1]);
    const asked = waiting.get(transaction);
    waiting.delete(transaction);
    if (asked === 'connect') {
      if (infoOf(values)['level'] === 'error') refuseConnect(values);
      else onConnected();
    }
    if (asked !== 'createStream') return;
    messageStreamId = Number(values[3] ?? 1) >>> 0;
    command('publish', [null, names.key, 'live'], messageStreamId);
  }

  function onError(values: readonly AmfValue[]): void {
    const asked = waiting.get(Number(values[1]));
    // Servers without releaseStream or FCPublish answer them with an error that means nothing.
    if (asked === undefined) return;
    if (asked === 'connect') refuseConnect(values);
    else fail(refusal('key-refused', 'the server refused to make a stream', statusOf(values)));
  }

  function onStatus(values: readonly AmfValue[]): void {
    const { level } = infoOf(values);
    const status = statusOf(values);
    if (status === 'NetStream.Publish.Start' && phase === 'publish') {
      reach('live');
    } else if (phase === 'connect' && level === 'error') {
      // Some servers redirect by a status instead of an answer to `connect`.
      refuseConnect(values);
    } else if (level === 'error' || NAME_REFUSED.has(status)) {
      fail(refusal('key-refused', 'the server refused the stream key', status));
    } else if (phase === 'live' && ENDED.has(status)) {
      fail(new GatewayError('closed-by-peer', 'the server ended the stream', { blame: 'destination' }));
    }
  }

  function onFcPublish(values: readonly AmfValue[]): void {
    const status = statusOf(values);
    if (NAME_REFUSED.has(status)) fail(refusal('key-refused', 'the server refused the stream key', status));
  }

  function onCommand(data: Buffer): void {
    // A value of a kind we do not know breaks nothing: the next message begins where it should.
    const values = decodeAmfStart(data);
    if (values[0] === '_result') onResult(values);
    else if (values[0] === '_error') onError(values);
    else if (values[0] === 'onStatus') onStatus(values);
    else if (values[0] === 'onFCPublish') onFcPublish(values);
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
    acknowledgements += 1;
    hooks.onAcknowledged(acknowledged);
  }

  /** The server limits what may be unacknowledged: it is asked to acknowledge that often at least. */
  function onPeerBandwidth(bytes: number): void {
    if (bytes > 0) peerBandwidth = bytes;
    if (bytes === 0 || bytes >= askedWindow) return;
    askedWindow = bytes;
    sendUint32(TYPE.windowAckSize, bytes);
  }

  function take(message: RtmpMessage): void {
    if (over) return;
    const { type, data } = message;
    const number = data.length >= 4 ? data.readUInt32BE(0) : 0;
    if (type === TYPE.setChunkSize) reader.setChunkBytes(number & 0x7fffffff);
    else if (type === TYPE.acknowledgement) onAcknowledgement(number);
    else if (type === TYPE.windowAckSize) ackWindow = Math.max(number, 1);
    else if (type === TYPE.setPeerBandwidth) onPeerBandwidth(number);
    else takeEvent(message);
  }

  function takeEvent({ type, data }: RtmpMessage): void {
    if (type === TYPE.userControl) onUserControl(data);
    else if (type === TYPE.command) onCommand(data);
    // The AMF3 form of a command begins with a zero and is AMF0 from there on.
    else if (type === TYPE.amf3Command) onCommand(data.subarray(1));
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
      if (over || phase === 'handshake') return;
      askedWindow = Math.min(everyBytes, peerBandwidth);
      sendUint32(TYPE.windowAckSize, askedWindow);
    },
    finish() {
      if (over) return;
      over = true;
      if (phase !== 'live') return;
      command('FCUnpublish', [null, names.key]);
      command('deleteStream', [null, messageStreamId]);
    },
    get phase() {
      return phase;
    },
    get messageStreamId() {
      return messageStreamId;
    },
    get acknowledgements() {
      return acknowledgements;
    },
  };
}

function brokenBy(cause: unknown): { blame: 'destination'; cause: unknown } {
  return { blame: 'destination', cause };
}
