import type { Socket } from 'node:net';
import RtmpSession, { type NmsInvoke, type NmsSession } from 'node-media-server/src/session/rtmp_session.js';
import type { Logger } from 'pino';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import { parseRtmpPath, type RtmpPath } from '../domain/publish-request.ts';
import { Acknowledgement } from './acknowledgement.ts';
import { guardChunks } from './chunk-guard.ts';
import type { ConnectionOwner, PublishedStream, RtmpConnectionOptions } from './connection-owner.ts';
import { HeldMessages } from './held-messages.ts';
import type { HubLimits } from './limits.ts';
import { checkConnect, isStopCommand, refusedStatus, type Verb } from './rtmp-commands.ts';
import { rtmpSink } from './rtmp-sink.ts';
import type { MediaSink } from './viewer.ts';

/** deciding, entering: others are asked whether it may play or publish. */
type State = 'open' | 'deciding' | 'entering' | 'publishing' | 'playing' | 'closing';

const VERSION = 3;
const HANDSHAKE_DONE = 3;
const PING_REQUEST = 6;
const PING_EVERY_MS = 20_000;
const WINDOW_ACK_SIZE = 5;
/** Answers wait for the peer only while it reads them. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** One RTMP connection: node-media-server's session behind guards that no input gets an exception past. */
export class RtmpConnection {
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly #limits: HubLimits;
  readonly #owner: ConnectionOwner<RtmpConnection>;
  readonly #log: Logger;
  #session: NmsSession | null = null;
  #state: State = 'open';
  #verb: Verb | null = null;
  #app: string | null = null;
  #published: PublishedStream | null = null;
  #held: HeldMessages | null = null;
  readonly #acknowledgement = new Acknowledgement();
  /** Since the connection, or since its last stream ended. */
  #openBytes = 0;
  /** When the current state began. */
  #since = Date.now();
  #lastDataAt = this.#since;
  #lastPingAt = this.#since;

  constructor(options: RtmpConnectionOptions<RtmpConnection>) {
    this.socket = options.socket;
    this.remoteAddress = options.socket.remoteAddress ?? 'unknown';
    this.#limits = options.limits;
    this.#owner = options.owner;
    this.#log = options.log;
    this.socket.setNoDelay(true);
    this.socket.setKeepAlive(true, 10_000);
    this.socket.on('data', (data) => this.#onData(data));
    this.socket.on('error', () => this.socket.destroy()); // 'close' follows and tells the owner
    this.socket.on('close', () => this.#onClose());
  }

  /** Accepted as a publisher or a viewer. */
  get isAccepted(): boolean {
    return this.#state === 'publishing' || this.#state === 'playing';
  }

  /** It takes no stream any more. */
  get isEnded(): boolean {
    return this.#state === 'closing';
  }

  /** For acceptPublisher: the session to be set as the stream's publisher. */
  get session(): NmsSession {
    if (this.#session === null) throw new Error('no session before the handshake');
    return this.#session;
  }

  get sink(): MediaSink {
    return rtmpSink(this.socket, () => this.#endPlay());
  }

  /** Closes with a reason for the log; `status` is told to the peer. */
  close(reason: string, status: string | null = null): void {
    if (this.#state === 'closing') return;
    this.#log.info({ remote: this.remoteAddress, reason }, 'rtmp connection closed');
    this.#shut(status, reason);
  }

  /** Checks every deadline of the connection. */
  sweep(nowMs: number): void {
    const limits = this.#limits;
    const inState = nowMs - this.#since;
    if (this.#state === 'closing') {
      if (inState > limits.closeMs) this.socket.destroy();
    } else if (this.#state === 'playing') {
      this.#ping(nowMs);
    } else if (this.#state === 'publishing') {
      if (nowMs - this.#lastDataAt > limits.publisherSilenceMs) this.close('no data from the publisher');
    } else if (inState > limits.acceptMs) {
      this.close('neither publish nor play in time');
    } else if ((this.#session?.rtmp.handshakeState ?? 0) < HANDSHAKE_DONE && inState > limits.handshakeMs) {
      this.close('no handshake in time');
    }
  }

  #onData(data: Buffer): void {
    if (this.#state === 'closing') return;
    try {
      this.#receive(data);
    } catch (error) {
      this.#fail(error);
    }
  }

  #receive(data: Buffer): void {
    this.#openBytes += data.length;
    this.#lastDataAt = Date.now();
    if (!this.isAccepted && this.#openBytes > this.#limits.maxBytesBeforeAccept) {
      throw new GatewayError('too-large', 'too many bytes before publish or play');
    }
    if (this.#session === null) {
      if (data[0] !== VERSION) throw new GatewayError('bad-request', 'this is no RTMP handshake');
      this.#session = this.#createSession();
    }
    const problem = this.#session.rtmp.parserData(data);
    if (problem !== null) throw new GatewayError('bad-request', problem);
    const acknowledged = this.#acknowledgement.receive(data.length);
    if (acknowledged !== null) this.#session.rtmp.sendACK(acknowledged);
  }

  #createSession(): NmsSession {
    const session = new RtmpSession(this.socket);
    session.ip = this.remoteAddress;
    const { rtmp } = session;
    rtmp.flv = null; // 1 MB of buffer that nothing reads
    rtmp.onOutputCallback = (buffer) => this.#answer(buffer);
    rtmp.onPacketCallback = (packet) => this.#published?.push(packet);
    guardChunks(rtmp, this.#limits, () => this.#state === 'publishing' || this.#state === 'entering');
    this.#guardCommands(session);
    this.#held = new HeldMessages(rtmp, this.socket);
    return session;
  }

  #guardCommands(session: NmsSession): void {
    const { rtmp } = session;
    const invoke = rtmp.invokeHandler.bind(rtmp);
    const connect = rtmp.onConnect.bind(rtmp);
    const control = rtmp.controlHandler.bind(rtmp);
    const handleMedia = rtmp.dataHandler.bind(rtmp);
    rtmp.controlHandler = () => {
      control();
      const { header, payload } = rtmp.parserPacket;
      if (header.type === WINDOW_ACK_SIZE) this.#acknowledgement.setWindow(payload.readUInt32BE(0));
    };
    rtmp.dataHandler = () => {
      if (this.#state !== 'publishing') throw new GatewayError('forbidden', 'media from a non-publisher');
      if (rtmp.parserPacket.header.length > 0) handleMedia(); // it reads beyond an empty message
    };
    rtmp.invokeHandler = () => {
      if (isStopCommand(rtmp.parserPacket)) this.#onStop();
      else invoke();
    };
    rtmp.onConnect = (message) => {
      this.#verb = 'connect';
      if (this.#app !== null) throw new GatewayError('bad-request', 'connect was sent twice');
      const { app, checked } = checkConnect(message);
      this.#app = app;
      connect(checked);
    };
    rtmp.onPublish = (message) => this.#onPublish(message);
    rtmp.onPlay = (message) => this.#onPlay(message);
  }

  #path(message: NmsInvoke): RtmpPath {
    if (this.#state !== 'open') throw new GatewayError('bad-request', 'a connection carries one stream');
    if (this.#app === null) throw new GatewayError('bad-request', 'publish or play before connect');
    if (typeof message.streamName !== 'string') throw new GatewayError('bad-request', 'no stream name');
    return parseRtmpPath({ app: this.#app, name: message.streamName });
  }

  #onPublish(message: NmsInvoke): void {
    const { rtmp } = this.session;
    this.#verb = 'publish';
    rtmp.streamId = rtmp.parserPacket.header.stream_id;
    const accepted = this.#owner.acceptPublisher(this, this.#path(message));
    if (accepted instanceof Promise) this.#waitToPublish(accepted);
    else this.#startPublishing(accepted);
  }

  #waitToPublish(accepted: Promise<PublishedStream>): void {
    this.#enter('entering');
    this.#held?.hold();
    accepted.then((published) => this.#onEntered(published)).catch((error: unknown) => this.#fail(error));
  }

  #onEntered(published: PublishedStream): void {
    this.#startPublishing(published);
    this.#held?.release();
  }

  #startPublishing(published: PublishedStream): void {
    this.#published = published;
    this.#enter('publishing');
    this.#nameForAnswers();
    this.session.rtmp.respondPublish();
  }

  #onPlay(message: NmsInvoke): void {
    const { rtmp } = this.session;
    this.#verb = 'play';
    rtmp.streamId = rtmp.parserPacket.header.stream_id;
    const path = this.#path(message);
    this.#enter('deciding');
    this.#owner
      .acceptPlayer(path)
      .then((streamId) => this.#startPlay(streamId))
      .catch((error: unknown) => this.#fail(error));
  }

  #startPlay(streamId: string): void {
    if (this.#state !== 'deciding') return; // it went away meanwhile
    this.#enter('playing');
    this.#nameForAnswers();
    this.session.rtmp.respondPlay();
    this.#owner.startPlaying(this, streamId);
  }

  /** Its texts count characters where bytes are meant: keep the peer's own words out of them. */
  #nameForAnswers(): void {
    this.session.rtmp.streamApp = 'live';
    this.session.rtmp.streamName = 'stream';
  }

  #onStop(): void {
    if (this.#state === 'playing' || this.#state === 'deciding') this.#shut(null, '');
    const published = this.#published;
    if (published === null) return;
    this.#published = null;
    this.#enter('open');
    published.unpublish(true);
  }

  #enter(state: State): void {
    this.#state = state;
    this.#openBytes = 0;
    this.#since = Date.now();
  }

  #ping(nowMs: number): void {
    if (nowMs - this.#lastPingAt < PING_EVERY_MS) return;
    this.#lastPingAt = nowMs;
    this.session.rtmp.sendStreamStatus(PING_REQUEST, nowMs % 2 ** 32);
  }

  #answer(buffer: Buffer): void {
    if (!this.isAccepted && this.socket.writableLength > MAX_ANSWER_BYTES) this.socket.destroy();
    else if (this.socket.writable) this.socket.write(buffer);
  }

  #endPlay(): void {
    if (this.#state === 'playing') this.#shut('NetStream.Play.Stop', 'the stream ended');
  }

  #fail(thrown: unknown): void {
    if (this.#state === 'closing') return;
    const error = toGatewayError(thrown);
    const { code, message, context } = error;
    const verb = this.isAccepted ? null : this.#verb;
    this.#log.warn(
      { remote: this.remoteAddress, code, ...context, ...(verb ? { verb } : {}) },
      verb ? `rtmp ${verb} refused: ${message}` : `rtmp connection closed: ${message}`,
    );
    this.#shut(verb === 'publish' || verb === 'play' ? refusedStatus(verb, error) : null, message);
  }

  #shut(status: string | null, description: string): void {
    const wasPlaying = this.#state === 'playing';
    this.#enter('closing');
    const level = status === 'NetStream.Play.Stop' ? 'status' : 'error';
    if (status !== null && this.#session !== null && this.socket.writable) {
      this.#session.rtmp.sendStatusMessage(this.#session.rtmp.streamId, level, status, description);
    }
    this.socket.end();
    this.socket.resume(); // or its end would not be seen
    this.#release();
    if (wasPlaying) this.#owner.closed(this);
  }

  #release(): void {
    const published = this.#published;
    this.#published = null;
    published?.unpublish(false);
  }

  #onClose(): void {
    if (this.#state !== 'closing') {
      this.#enter('closing');
      this.#release();
    }
    this.#owner.closed(this);
  }
}
