import { type Apps, findApp } from '../config/app.ts';
import { GatewayError } from '../domain/errors.ts';
import { parseStreamId, type StreamName, streamId } from '../domain/ids.ts';
import { parsePublishRequest, type RtmpPath } from '../domain/publish-request.ts';
import { roleAtEntry } from '../domain/role-name.ts';
import type { Secret } from '../domain/secret.ts';
import type { Terminal } from '../domain/terminal.ts';
import { assertMayPublish, mayCreate, sendableTracks, type Tracks } from '../domain/ticket-rights.ts';
import { checkAccountType, checkRoomTicket } from '../identity/private-map-key.ts';
import { verifyTicket } from '../identity/tickets.ts';
import { verifyUserSig } from '../identity/user-sig.ts';
import type { PublisherSource } from './stream.ts';

export interface AccessDeps {
  readonly apps: Apps;
  readonly clusterSecret: Secret;
}

/** As what a publishing user enters the room. */
export interface PublisherEntry {
  readonly role: 'anchor';
  readonly roleName: string;
  readonly terminal: Terminal;
  /** Into a room that does not exist yet. */
  readonly mayCreate: boolean;
}

/** A publisher that proved who it is. */
export interface GrantedPublish {
  readonly streamId: string;
  readonly name: StreamName;
  readonly source: PublisherSource;
  /** null: a worker enters no room. */
  readonly entry: PublisherEntry | null;
  /** What of the stream others get; the rest is dropped. */
  readonly tracks: Tracks;
}

const BOTH_TRACKS: Tracks = { audio: true, video: true };

/** The stream named, in its one spelling; throws `not-found`. */
export function requireStreamName(text: string): { id: string; name: StreamName } {
  const name = parseStreamId(text);
  if (name === null) throw new GatewayError('not-found', 'there is no such stream');
  return { id: streamId(name), name };
}

/** A user with a UserSig and, where the app asks for it, a PrivateMapKey; throws what is wrong with them. */
export function grantUserPublish(deps: AccessDeps, path: RtmpPath, nowMs: number): GrantedPublish {
  const request = parsePublishRequest(path);
  const { appId: sdkAppId, userId, userSig, room, kind, privateMapKey } = request;
  const app = findApp(deps.apps, sdkAppId);
  if (app === undefined) throw new GatewayError('bad-app-id', 'there is no app with this sdkappid');
  verifyUserSig({ secretKey: app.secretKey, sdkAppId, userId, userSig, nowMs });
  checkAccountType(app, request.accountType);
  const permit = checkRoomTicket({ app, userId, room, privateMapKey, nowMs });
  assertMayPublish(permit, kind, nowMs);
  const name: StreamName = { appId: sdkAppId, room, userId, kind };
  return {
    streamId: streamId(name),
    name,
    source: { type: 'user', userId },
    entry: {
      role: 'anchor',
      roleName: roleAtEntry(app, request.roleName),
      terminal: 'other', // RTMP says nothing of the platform
      mayCreate: mayCreate(permit),
    },
    tracks: sendableTracks(permit, kind),
  };
}

/** A worker's run with a ticket for that stream; throws `ticket-invalid`. */
export function grantWorkerPublish(deps: AccessDeps, path: RtmpPath, nowMs: number): GrantedPublish {
  const { id, name } = requireStreamName(path.name);
  const { task, epoch } = verifyWorkerTicket(deps, 'publish', id, path.query.get('ticket') ?? '', nowMs);
  return { streamId: id, name, source: { type: 'worker', task, epoch }, entry: null, tracks: BOTH_TRACKS };
}

/** Task and epoch of a worker's ticket; throws `ticket-invalid`. */
export function verifyWorkerTicket(
  deps: AccessDeps,
  use: 'publish' | 'read',
  stream: string,
  ticket: string,
  nowMs: number,
): { task: string; epoch: number } {
  const { task, epoch } = verifyTicket(deps.clusterSecret, ticket, { use, stream, nowMs });
  if (task === undefined || epoch === undefined) {
    throw new GatewayError('ticket-invalid', 'the ticket names no task and epoch');
  }
  return { task, epoch };
}

/** Mixes of an app with public playback are free; everything else needs a viewer's ticket. */
export function assertMayPlay(
  deps: AccessDeps,
  stream: { readonly id: string; readonly name: StreamName; readonly isMix: boolean },
  ticket: string,
  nowMs: number,
): void {
  const app = findApp(deps.apps, stream.name.appId);
  if (stream.isMix && app?.playback === 'public') return;
  verifyTicket(deps.clusterSecret, ticket, { use: 'play', stream: stream.id, nowMs });
}
