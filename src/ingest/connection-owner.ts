import type { Socket } from 'node:net';
import type { NmsSession } from 'node-media-server/src/session/rtmp_session.js';
import type { Logger } from 'pino';
import type { RtmpPath } from '../domain/publish-request.ts';
import type { HubLimits } from './limits.ts';

/** What the hub decides about a connection; every refusal is a thrown GatewayError. */
export interface ConnectionOwner<Connection> {
  /** Sets the connection as that stream's publisher; what it sends waits as long as that takes. */
  acceptPublisher(connection: Connection, path: RtmpPath): PublishedStream | Promise<PublishedStream>;
  /** Resolves with the name of the stream to be played. */
  acceptPlayer(path: RtmpPath): Promise<string>;
  startPlaying(connection: Connection, streamId: string): void;
  closed(connection: Connection): void;
}

export interface PublishedStream {
  push(packet: Parameters<NmsSession['rtmp']['onPacketCallback']>[0]): void;
  /** clean: the publisher said that it stops. */
  unpublish(clean: boolean): void;
}

export interface RtmpConnectionOptions<Connection> {
  readonly socket: Socket;
  readonly limits: HubLimits;
  readonly owner: ConnectionOwner<Connection>;
  readonly log: Logger;
}
