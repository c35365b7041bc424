import { GatewayError } from './errors.ts';
import type { RoomId, StreamKind } from './ids.ts';
import type { Tracks } from './tracks.ts';

/** The privilege bits of a PrivateMapKey. */
export const RIGHTS = {
  create: 1,
  enter: 2,
  sendAudio: 4,
  receiveAudio: 8,
  sendVideo: 16,
  receiveVideo: 32,
  sendScreen: 64,
  receiveScreen: 128,
} as const;
export const ALL_RIGHTS = 255;

/** What a PrivateMapKey says of its user. */
export interface RoomTicket {
  readonly room: RoomId;
  /** Unix ms. */
  readonly expiresAt: number;
  /** RIGHTS added up. */
  readonly rights: number;
  /** 0: none. */
  readonly accountType: number;
}

/** What a user may do in the room entered, and until when (unix ms; null: as long as it lasts). */
export interface Permit {
  readonly rights: number;
  readonly expiresAt: number | null;
}

/** Without a PrivateMapKey, where the app asks for none. */
export const FREE_PERMIT: Permit = { rights: ALL_RIGHTS, expiresAt: null };

/** Of whoever showed a ticket that is known no more: it stays where it is, and shows one for all else. */
export const FORGOTTEN_PERMIT: Permit = { rights: RIGHTS.enter, expiresAt: 0 };

const SEND_ANY = RIGHTS.sendAudio | RIGHTS.sendVideo | RIGHTS.sendScreen;

function has({ rights }: Permit, right: number): boolean {
  return (rights & right) !== 0;
}

function forbid(what: string): never {
  throw new GatewayError('forbidden', `the PrivateMapKey does not allow to ${what}`);
}

/** Throws `forbidden` without the right to enter. */
export function assertMayEnter(permit: Permit): void {
  if (!has(permit, RIGHTS.enter)) forbid('enter the room');
}

/** May enter a room that does not exist yet. */
export function mayCreate(permit: Permit): boolean {
  return has(permit, RIGHTS.create);
}

/** The tracks of a camera or a screen share that may be sent; a screen share is sent whole. */
export function sendableTracks(permit: Permit, kind: StreamKind): Tracks {
  if (kind === 'aux') {
    const screen = has(permit, RIGHTS.sendScreen);
    return { audio: screen, video: screen };
  }
  return { audio: has(permit, RIGHTS.sendAudio), video: has(permit, RIGHTS.sendVideo) };
}

/** Throws `forbidden` when nothing of such a stream may be sent, `ticket-expired`. */
export function assertMayPublish(permit: Permit, kind: StreamKind, nowMs: number): void {
  assertUnexpired(permit, nowMs);
  const { audio, video } = sendableTracks(permit, kind);
  if (!audio && !video) forbid(kind === 'aux' ? 'send a screen share' : 'send audio or video');
}

/** A stream is played whole: throws `forbidden` without the right to receive all of it. */
export function assertMayReceive(permit: Permit, kind: StreamKind): void {
  if (kind === 'aux' && !has(permit, RIGHTS.receiveScreen)) forbid('receive screen shares');
  const isWhole = has(permit, RIGHTS.receiveAudio) && has(permit, RIGHTS.receiveVideo);
  if (kind === 'main' && !isWhole) forbid('receive audio and video');
}

/** An anchor sends something: throws `forbidden` without any right to, `ticket-expired`. */
export function assertMayBeAnchor(permit: Permit, nowMs: number): void {
  assertUnexpired(permit, nowMs);
  if (!has(permit, SEND_ANY)) forbid('send anything');
}

/** What is on the air goes on after the end of a ticket; whatever is begun needs a new one. */
export function assertUnexpired({ expiresAt }: Permit, nowMs: number): void {
  if (expiresAt !== null && nowMs > expiresAt) {
    throw new GatewayError('ticket-expired', 'the PrivateMapKey has expired');
  }
}
