import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import nmsLogger from 'node-media-server/src/core/logger.js';
import { GatewayError } from '../domain/errors.ts';
import { type PlayProof, readPlayProof } from '../domain/play-proof.ts';
import type { RtmpPath } from '../domain/publish-request.ts';
import { type AccessDeps, assertMayPlay, requireStreamName, verifyWorkerTicket } from './access.ts';
import { Admission } from './admission.ts';
import { Fence } from './fence.ts';
import type { HubDeps, Subscription } from './hub-deps.ts';
import { DEFAULT_HUB_LIMITS, type HubLimits } from './limits.ts';
import { Publishing } from './publishing.ts';
import { RtmpConnection } from './rtmp-connection.ts';
import type { HubStream, WorkerReader } from './stream.ts';
import { type HubStreamInfo, StreamTable } from './stream-table.ts';
import { type MediaSink, Viewer } from './viewer.ts';

const SWEEP_MS = 500;

/** The RTMP hub of a gateway: takes streams of users and workers, hands them to viewers and workers. */
export class Hub {
  readonly #deps: HubDeps;
  readonly #limits: HubLimits;
  readonly #access: AccessDeps;
  readonly #server: Server;
  readonly #admission: Admission;
  readonly #streams: StreamTable;
  readonly #players = new Map<RtmpConnection, Subscription>();
  readonly #publishing: Publishing;
  readonly #readFence = new Fence();
  readonly #sweepTimer: NodeJS.Timeout;
  #viewerCount = 0;

  constructor(deps: HubDeps) {
    this.#deps = deps;
    this.#limits = { ...DEFAULT_HUB_LIMITS, ...deps.limits };
    const { apps, clusterSecret, isMember = async () => false } = deps;
    this.#access = { apps, clusterSecret, isMember };
    this.#admission = new Admission(this.#limits);
    this.#streams = new StreamTable(this.#limits, deps.log);
    this.#publishing = new Publishing({ ...deps, access: this.#access, streams: this.#streams });
    nmsLogger.log = () => undefined; // it prints to stdout; the hub logs what matters itself
    this.#server = createServer({ noDelay: true }, (socket) => this.#onSocket(socket));
    this.#sweepTimer = setInterval(() => this.#sweep(Date.now()), SWEEP_MS);
  }

  /** Listens; rejects when the port is taken. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#deps.port, this.#deps.bind, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#deps.log.error({ err: error }, 'rtmp listener failed'));
        resolve();
      });
    });
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  isLive(streamId: string): boolean {
    return this.#streams.get(streamId)?.isLive ?? false;
  }

  /** What is on the air. */
  streams(): HubStreamInfo[] {
    return this.#streams.list();
  }

  /** The stream a viewer may play; throws `not-found` when it is not on the air, and what assertMayPlay throws. */
  async authorisePlay(streamText: string, proof: PlayProof): Promise<string> {
    const { id } = requireStreamName(streamText);
    await assertMayPlay(this.#access, this.#watchable(id), proof, Date.now());
    this.#watchable(id); // it may have ended meanwhile
    return id;
  }

  /** Feeds a viewer FLV until it or the stream ends. Call authorisePlay first. */
  subscribeFlv(streamId: string, sink: MediaSink): Subscription {
    return this.#subscribe(streamId, 'flv', sink);
  }

  /** Feeds a worker; throws `not-found`, `ticket-invalid`, `fenced`. It waits for a stream that is not live. */
  subscribeWorker(streamText: string, ticket: string, sink: MediaSink): Subscription {
    const { id, name } = requireStreamName(streamText);
    const nowMs = Date.now();
    const { task, epoch } = verifyWorkerTicket(this.#access, 'read', id, ticket, nowMs);
    if (!this.#readFence.admit(`${task} ${id}`, epoch, nowMs)) {
      throw new GatewayError('fenced', 'a higher epoch reads this stream');
    }
    const stream = this.#streams.open(id, name);
    for (const other of stream.readers) {
      if (other.task === task && other.epoch < epoch) stream.endReader(other);
    }
    const viewer = this.#createViewer('flv', sink, this.#limits.workerQueueBytes);
    const reader: WorkerReader = { viewer, task, epoch };
    stream.addReader(reader);
    return { close: () => stream.removeReader(reader) };
  }

  /** Ends the publisher as if it had stopped by itself. */
  closeStream(streamId: string, reason: string): void {
    this.#publishing.end(streamId, reason);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweepTimer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#admission.connections) {
      connection.close('the gateway is going down');
      connection.socket.destroy();
    }
    this.#streams.close();
    await closed;
  }

  #onSocket(socket: Socket): void {
    if (!this.#admission.makeRoom(socket.remoteAddress ?? 'unknown')) {
      socket.destroy();
      return;
    }
    const { log } = this.#deps;
    const connection = new RtmpConnection({
      socket,
      limits: this.#limits,
      log,
      owner: {
        acceptPublisher: (from, path) => this.#publishing.accept(from, path),
        acceptPlayer: (path) => this.#acceptPlayer(path),
        startPlaying: (from, streamId) => {
          this.#players.set(from, this.#subscribe(streamId, 'rtmp', from.sink));
          log.info({ streamId, remote: from.remoteAddress }, 'rtmp viewer attached');
        },
        closed: (from) => this.#onConnectionClosed(from),
      },
    });
    this.#admission.add(connection);
  }

  #onConnectionClosed(connection: RtmpConnection): void {
    this.#players.get(connection)?.close();
    this.#players.delete(connection);
    if (connection.socket.destroyed) this.#admission.remove(connection);
  }

  async #acceptPlayer(path: RtmpPath): Promise<string> {
    if (path.app !== 'live')
      throw new GatewayError('not-found', 'streams are played from the application live');
    return this.authorisePlay(
      path.name,
      readPlayProof((name) => path.query.get(name)),
    );
  }

  #createViewer(protocol: 'flv' | 'rtmp', sink: MediaSink, maxQueuedBytes: number): Viewer {
    this.#viewerCount += 1;
    return new Viewer({ id: `v${this.#viewerCount}`, protocol, sink, maxQueuedBytes, nowMs: Date.now() });
  }

  #watchable(streamId: string): HubStream {
    const stream = this.#streams.get(streamId);
    if (stream?.isWatchable(Date.now())) return stream;
    throw new GatewayError('not-found', 'the stream is not on the air');
  }

  #subscribe(streamId: string, protocol: 'flv' | 'rtmp', sink: MediaSink): Subscription {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) throw new GatewayError('not-found', 'the stream is not on the air');
    const viewer = this.#createViewer(protocol, sink, this.#limits.viewerQueueBytes);
    stream.addViewer(viewer);
    return { close: () => stream.removeViewer(viewer) };
  }

  #sweep(nowMs: number): void {
    for (const connection of this.#admission.connections) connection.sweep(nowMs);
    this.#streams.sweep(nowMs);
  }
}

/** A hub that listens. */
export async function createHub(deps: HubDeps): Promise<Hub> {
  const hub = new Hub(deps);
  try {
    await hub.listen();
  } catch (error) {
    await hub.close();
    throw error;
  }
  return hub;
}
