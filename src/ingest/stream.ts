import { Socket } from 'node:net';
import Context from 'node-media-server/src/core/context.js';
import RtmpSession, {
  type NmsBroadcast,
  type NmsPacket,
  type NmsSession,
} from 'node-media-server/src/session/rtmp_session.js';
import type { StreamName } from '../domain/ids.ts';
import type { HubLimits } from './limits.ts';
import { markerTag, NMS_METADATA } from './packets.ts';
import type { Viewer } from './viewer.ts';

/** Who publishes: a user with a UserSig, or a worker with a ticket. */
export type PublisherSource =
  | { readonly type: 'user'; readonly userId: string }
  | { readonly type: 'worker'; readonly task: string; readonly epoch: number };

export interface StreamPublisher {
  readonly source: PublisherSource;
  readonly publishedAt: number;
  /** Ends the connection; the stream is already another's. */
  end(why: string): void;
}

/** A worker's connection to a stream, with the markers that tell kept from live. */
export interface WorkerReader {
  readonly viewer: Viewer;
  readonly task: string;
  readonly epoch: number;
}

const APP = 'live';

/** node-media-server makes broadcasts only inside a session; a new session's placeholder is one. */
function createBroadcast(path: string): NmsBroadcast {
  const { broadcast } = new RtmpSession(new Socket());
  broadcast.streamPath = path;
  broadcast.publishGraceMs = 0;
  return broadcast;
}

/** One stream of the hub: its publisher, its caches, its viewers. It outlives its publishers. */
export class HubStream {
  readonly id: string;
  readonly name: StreamName;
  publisher: StreamPublisher | null = null;
  /** Made by a worker: playable without a ticket when the app says so. */
  isMix = false;
  /** When the last publisher ended; null while live and before the first. */
  endedAt: number | null = null;
  readonly viewers = new Set<Viewer>();
  readonly readers = new Set<WorkerReader>();
  readonly #limits: HubLimits;
  readonly #safeName: string;
  readonly #broadcast: NmsBroadcast;
  #gopBytes = 0;
  #timestamp = 0;

  /** `scope` keeps the streams of two hubs in one process apart: node-media-server has one table. */
  constructor(id: string, name: StreamName, scope: string, limits: HubLimits) {
    this.id = id;
    this.name = name;
    this.#limits = limits;
    this.#safeName = `${scope}-${Buffer.from(id).toString('base64url')}`;
    this.#broadcast = createBroadcast(`/${APP}/${this.#safeName}`);
  }

  get isLive(): boolean {
    return this.publisher !== null;
  }

  /** Live, or gone so shortly that it may come back. */
  isWatchable(nowMs: number): boolean {
    return this.isLive || (this.endedAt !== null && nowMs - this.endedAt < this.#limits.lingerMs);
  }

  /** The new publisher takes the stream over at once; viewers stay and get its headers. */
  setPublisher(publisher: StreamPublisher, session: NmsSession): void {
    const previous = this.publisher;
    this.#finish();
    this.publisher = publisher;
    this.isMix = publisher.source.type === 'worker';
    this.endedAt = null;
    Context.broadcasts.set(this.#broadcast.streamPath, this.#broadcast);
    session.onConnect({ app: APP, name: this.#safeName, host: '', query: {} });
    session.broadcast.postPublish(session);
    session.isPublisher = true;
    if (previous !== null) {
      this.#mark('roomcastEnd');
      previous.end('another connection publishes this stream now');
    }
    this.#mark('roomcastStart');
  }

  /** True when that publisher was the stream's and is no more. */
  removePublisher(publisher: StreamPublisher, nowMs: number): boolean {
    if (this.publisher !== publisher) return false;
    this.publisher = null;
    this.endedAt = nowMs;
    this.#finish();
    this.#mark('roomcastEnd');
    return true;
  }

  /** A packet as preparePacket made it. */
  push(packet: NmsPacket): void {
    this.#timestamp = packet.dts;
    this.#broadcastPacket(packet);
    this.#boundGop(packet);
  }

  /** What was kept for new viewers goes; a new key frame begins anew. */
  dropGop(): void {
    this.#broadcast.flvGopCache = null;
    this.#broadcast.rtmpGopCache = null;
    this.#gopBytes = 0;
  }

  addViewer(viewer: Viewer): void {
    this.#subscribe(viewer);
    this.viewers.add(viewer);
  }

  addReader(reader: WorkerReader): void {
    this.#subscribe(reader.viewer);
    reader.viewer.sendBuffer(markerTag('roomcastLive', this.#timestamp));
    this.readers.add(reader);
  }

  removeViewer(viewer: Viewer): void {
    this.#broadcast.donePlay(viewer);
    this.viewers.delete(viewer);
  }

  removeReader(reader: WorkerReader): void {
    this.#broadcast.donePlay(reader.viewer);
    this.readers.delete(reader);
  }

  endViewer(viewer: Viewer): void {
    this.removeViewer(viewer);
    viewer.end();
  }

  endReader(reader: WorkerReader): void {
    this.removeReader(reader);
    reader.viewer.destroy();
  }

  #subscribe(viewer: Viewer): void {
    Context.broadcasts.set(this.#broadcast.streamPath, this.#broadcast);
    viewer.attach(() => this.#broadcast.postPlay(viewer));
  }

  #broadcastPacket(packet: NmsPacket): void {
    try {
      this.#broadcast.broadcastMessage(packet);
    } catch (error) {
      // It decodes metadata before it sends anything; a description nobody can read is not worth the stream.
      if (packet.flags !== NMS_METADATA) throw error;
    }
  }

  #finish(): void {
    this.#broadcast._finishPublish();
    this.dropGop();
  }

  #mark(name: string): void {
    const tag = markerTag(name, this.#timestamp);
    for (const { viewer } of this.readers) viewer.sendBuffer(tag);
  }

  /** A null cache takes nothing until the next key frame makes a new one. */
  #boundGop(packet: NmsPacket): void {
    const cache = this.#broadcast.flvGopCache;
    if (cache === null) return;
    if (packet.flags === 3) this.#gopBytes = 0;
    this.#gopBytes += 2 * packet.size; // kept once as FLV, once as RTMP
    if (this.#gopBytes > this.#limits.maxGopBytes || cache.size > this.#limits.maxGopPackets) this.dropGop();
  }
}
