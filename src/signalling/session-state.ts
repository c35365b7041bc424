import { GatewayError } from '../domain/errors.ts';
import type { RequestType } from './protocol-requests.ts';

/** How far a connection has come. */
export type Phase = 'connected' | 'logged-in' | 'in-room';

/** The phases in which a request makes sense. */
const ALLOWED: Readonly<Record<RequestType, readonly Phase[]>> = {
  login: ['connected'],
  enter: ['logged-in', 'in-room'],
  leave: ['in-room'],
  switchRole: ['in-room'],
  switchRoleName: ['in-room'],
  publish: ['in-room'],
  media: ['in-room'],
  level: ['in-room'],
  renewTicket: ['in-room'],
  play: ['in-room'],
  snapshot: ['in-room'],
  'group.create': ['logged-in', 'in-room'],
  'group.join': ['logged-in', 'in-room'],
  'group.leave': ['logged-in', 'in-room'],
  'group.members': ['logged-in', 'in-room'],
  'group.send': ['logged-in', 'in-room'],
  'group.history': ['logged-in', 'in-room'],
  ping: ['connected', 'logged-in', 'in-room'],
};

/** Throws `unauthorized` before the login, `conflict` for what makes no sense after it. */
export function assertMakesSense(phase: Phase, type: RequestType): void {
  if (ALLOWED[type].includes(phase)) return;
  if (phase === 'connected') throw new GatewayError('unauthorized', 'log in first');
  if (type === 'login') throw new GatewayError('conflict', 'this connection is logged in already');
  throw new GatewayError('conflict', 'enter a room first');
}

/** The phase of a connection, by what it has. */
export function phaseOf(has: { readonly login: unknown; readonly room: unknown }): Phase {
  if (has.login === null) return 'connected';
  return has.room === null ? 'logged-in' : 'in-room';
}
