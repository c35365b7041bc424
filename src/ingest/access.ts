import { type Apps, findApp } from '../config/app.ts';
import { GatewayError } from '../domain/errors.ts';
import { parseStreamId, type StreamName, streamId } from '../domain/ids.ts';
import type { PlayProof } from '../domain/play-proof.ts';
import { parsePublishRequest, type RtmpPath } from '../domain/publish-request.ts';
import { roleAtEntry } from '../domain/role-name.ts';
import type { Secret } from '../domain/secret.ts';
import type { Terminal } from '../domain/terminal.ts';
import { assertMayPublish, assertMayReceive, mayCreate, sendableTracks } from '../domain/ticket-rights.ts';
import type { Tracks } from '../domain/tracks.ts';
import { checkAccountType, checkRoomTicket } from '../identity/private-map-key.ts';
import { verifyTicket } from '../identity/tickets.ts';
import { verifyUserSig } from '../identity/user-sig.ts';
import type { MemberCheck } from '../rooms/members.ts';
import type { PublisherSource } from './stream.ts';

export interface AccessDeps {
  readonly apps: Apps;
  readonly clusterSecret: Secret;
  readonly isMember: MemberCheck;
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

/** A stream that somebody wants to play. */
export interface PlayedStream {
  readonly id: string;
  readonly name: StreamName;
  readonly isMix: boolean;
}

/**
 * Mixes of an app with public playback are free. Everything else needs a ticket for that very stream, or, if it is
 * a user's own stream, the UserSig of somebody who is in its room, with a PrivateMapKey where the app asks for one.
 * Throws `ticket-invalid`, `ticket-expired`, the codes of a UserSig, `forbidden`, `redis-away`.
 */
export async function assertMayPlay(
  deps: AccessDeps,
  stream: PlayedStream,
  proof: PlayProof,
  nowMs: number,
): Promise<void> {
  const { appId, room } = stream.name;
  const app = findApp(deps.apps, appId);
  if (stream.isMix && app?.playback === 'public') return;
  if (proof.type === 'ticket') {
    verifyTicket(deps.clusterSecret, proof.ticket, { use: 'play', stream: stream.id, nowMs });
    return;
  }
  if (proof.type === 'none' || stream.isMix) {
    const or = stream.isMix ? '' : ', or the UserSig of a user who is in its room';
    throw new GatewayError('ticket-invalid', `this stream needs a ticket${or}`);
  }
  const { userId, userSig, privateMapKey } = proof;
  if (app === undefined || proof.appId !== appId) {
    throw new GatewayError('forbidden', 'the stream belongs to another app');
  }
  verifyUserSig({ secretKey: app.secretKey, sdkAppId: appId, userId, userSig, nowMs });
  assertMayReceive(checkRoomTicket({ app, userId, room, privateMapKey, nowMs }), stream.name.kind);
  if (!(await deps.isMember(appId, room, userId))) {
    throw new GatewayError('forbidden', 'the user is not in the room of this stream');
  }
}
