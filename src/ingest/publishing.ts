import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import type { RtmpPath } from '../domain/publish-request.ts';
import { type Blocked, NOT_BLOCKED } from '../domain/room.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import type { Tracks } from '../domain/tracks.ts';
import { type AccessDeps, type GrantedPublish, grantUserPublish, grantWorkerPublish } from './access.ts';
import { BlockFilter } from './block-filter.ts';
import { CarriedTracks } from './carried-tracks.ts';
import type { PublishedStream } from './connection-owner.ts';
import { Fence } from './fence.ts';
import type { HubDeps } from './hub-deps.ts';
import { isOfTracks, preparePacket } from './packets.ts';
import type { RtmpConnection } from './rtmp-connection.ts';
import type { HubStream, PublisherSource, StreamPublisher } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

export interface PublishingDeps extends Pick<HubDeps, 'onEvent' | 'admit' | 'isAgent' | 'blockOf'> {
  readonly access: AccessDeps;
  readonly streams: StreamTable;
  readonly log: Logger;
}

/** What the rooms are told of a stream, without whose it is. */
type Announced =
  | { readonly type: 'published'; readonly at: number }
  | {
      readonly type: 'carries';
      readonly tracks: Tracks;
      readonly publishedAt: number;
      readonly at: number;
    }
  | {
      readonly type: 'unpublished';
      readonly clean: boolean;
      readonly publishedAt: number;
      readonly at: number;
    };

/** Who publishes a hub's streams: lets users and workers in, and tells the rooms what becomes of users' streams. */
export class Publishing {
  readonly #deps: PublishingDeps;
  readonly #fence = new Fence();

  constructor(deps: PublishingDeps) {
    this.#deps = deps;
  }

  /** Sets the connection as the publisher of the stream it asks for; throws why not. */
  accept(connection: RtmpConnection, path: RtmpPath): PublishedStream | Promise<PublishedStream> {
    const nowMs = Date.now();
    const granted = this.#grant(path, nowMs);
    const { admit } = this.#deps;
    if (granted.entry === null || admit === undefined) return this.#set(connection, granted, nowMs);
    const { role: _anchor, ...entry } = granted.entry;
    const { source, streamId: id } = granted;
    const userId = source.type === 'user' ? source.userId : granted.name.userId;
    return admit({ ...granted.name, ...entry, userId, streamId: id, at: nowMs }).then(() => {
      try {
        if (connection.isEnded) throw new GatewayError('closed-by-peer', 'the publisher went away');
        this.#assertNoMix(granted);
        return this.#set(connection, granted, nowMs);
      } catch (error) {
        this.#withdraw(granted, nowMs);
        throw error;
      }
    });
  }

  /** Ends the stream's publisher as if it had stopped by itself. */
  end(streamId: string, reason: string): void {
    const stream = this.#deps.streams.get(streamId);
    const publisher = stream?.publisher;
    if (!stream || !publisher) return;
    this.#unpublish(stream, publisher, true);
    publisher.end(reason);
  }

  /** Who was let in did not come; another connection may publish the stream all the while. */
  #withdraw({ streamId: id, name, source }: GrantedPublish, publishedAt: number): void {
    const stream = this.#deps.streams.open(id, name);
    const at = Date.now();
    this.#announce(stream, source, { type: 'unpublished', clean: false, publishedAt, at });
    const { publisher } = stream;
    if (publisher) this.#announce(stream, publisher.source, { type: 'published', at: publisher.publishedAt });
  }

  #set(connection: RtmpConnection, granted: GrantedPublish, nowMs: number): PublishedStream {
    const { source, tracks } = granted;
    const stream = this.#deps.streams.open(granted.streamId, granted.name);
    const publisher: StreamPublisher = {
      source,
      publishedAt: nowMs,
      end: (why) => connection.close(why, 'NetStream.Publish.BadName'),
    };
    this.#leaveTo(stream, source, nowMs);
    stream.setPublisher(publisher, connection.session);
    const what = { streamId: stream.id, remote: connection.remoteAddress, by: source.type };
    this.#deps.log.info(what, 'stream published');
    this.#announce(stream, source, { type: 'published', at: nowMs });
    const carried = new CarriedTracks();
    const filter = new BlockFilter();
    return {
      push: (received) => {
        const packet = isOfTracks(received, tracks) ? preparePacket(received) : null;
        if (packet === null) return;
        for (const one of filter.pass(packet, this.#blockOf(stream, source))) stream.push(one);
        if (filter.isDark) stream.dropGop();
        if (!carried.isNew(packet)) return;
        const now = { tracks: carried.tracks, publishedAt: nowMs, at: Date.now() };
        this.#announce(stream, source, { type: 'carries', ...now });
      },
      unpublish: (clean) => this.#unpublish(stream, publisher, clean),
    };
  }

  #grant(path: RtmpPath, nowMs: number): GrantedPublish {
    const { access } = this.#deps;
    if (path.app === 'push') {
      const granted = grantUserPublish(access, path, nowMs);
      this.#assertNoMix(granted);
      return granted;
    }
    if (path.app !== 'internal')
      throw new GatewayError('not-found', 'streams are published to the application push');
    const granted = grantWorkerPublish(access, path, nowMs);
    const { source } = granted;
    if (source.type === 'worker' && !this.#fence.admit(granted.streamId, source.epoch, nowMs)) {
      throw new GatewayError('fenced', 'a higher epoch publishes this stream');
    }
    return granted;
  }

  #assertNoMix({ streamId: id, name: { appId, room, userId } }: GrantedPublish): void {
    const holder = this.#deps.streams.get(id)?.publisher?.source.type;
    if (holder === 'worker' || this.#deps.isAgent?.(appId, room, userId))
      throw new GatewayError('conflict', 'this user name belongs to a mix');
  }

  #blockOf({ id }: HubStream, { type }: PublisherSource): Blocked {
    return (type === 'user' ? this.#deps.blockOf?.(id) : undefined) ?? NOT_BLOCKED;
  }

  /** A mix that takes the name of a user's stream ends that user's presence. */
  #leaveTo(stream: HubStream, next: PublisherSource, nowMs: number): void {
    const { source, publishedAt } = stream.publisher ?? {};
    if (source?.type !== 'user' || publishedAt === undefined || next.type === 'user') return;
    this.#announce(stream, source, { type: 'unpublished', clean: true, publishedAt, at: nowMs });
  }

  #unpublish(stream: HubStream, publisher: StreamPublisher, clean: boolean): void {
    const nowMs = Date.now();
    if (!stream.removePublisher(publisher, nowMs)) return;
    this.#deps.log.info({ streamId: stream.id, clean }, 'stream ended');
    const { publishedAt } = publisher;
    this.#announce(stream, publisher.source, { type: 'unpublished', clean, publishedAt, at: nowMs });
  }

  #announce(stream: HubStream, source: PublisherSource, what: Announced): void {
    if (source.type !== 'user') return;
    const { appId, room, kind } = stream.name;
    const event: StreamEvent = { ...what, appId, room, userId: source.userId, kind, streamId: stream.id };
    this.#deps.onEvent(event);
  }
}
