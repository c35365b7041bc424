import { createHmac, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../domain/errors.ts';
import type { Secret } from '../domain/secret.ts';

/** What a ticket allows: workers publish and read (fenced by task and epoch) and store HLS; viewers play. */
export type TicketUse = 'publish' | 'read' | 'hls' | 'play';

export interface TicketClaims {
  readonly use: TicketUse;
  /** The stream it is bound to. */
  readonly stream: string;
  /** Job key and epoch of the worker's run; absent for viewers. */
  readonly task?: string;
  readonly epoch?: number;
  /** Unix seconds. */
  readonly expires: number;
}

const MAX_TICKET_CHARS = 1024;

function sign(secret: Secret, body: string): string {
  return createHmac('sha256', `roomcast ticket ${secret.reveal()}`).update(body).digest('base64url');
}

/** `<base64url claims>.<base64url HMAC-SHA256>` under the cluster secret. */
export function signTicket(secret: Secret, claims: TicketClaims): string {
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${body}.${sign(secret, body)}`;
}

export interface TicketCheck {
  readonly use: TicketUse;
  readonly stream: string;
  readonly nowMs: number;
}

/**
 * The claims of a ticket that is ours, unexpired and for this use and stream; else throws `ticket-invalid` or
 * `ticket-expired`.
 */
export function verifyTicket(secret: Secret, ticket: string, check: TicketCheck): TicketClaims {
  const refuse = (why: string): never => {
    throw new GatewayError('ticket-invalid', `the ticket is ${why}`);
  };
  if (ticket === '') return refuse('missing');
  const [body = '', mac = '', ...more] = ticket.length <= MAX_TICKET_CHARS ? ticket.split('.') : [];
  // As texts: the same signature has one spelling.
  const given = Buffer.from(mac);
  const wanted = Buffer.from(sign(secret, body));
  if (more.length > 0 || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    return refuse('not ours');
  }
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as TicketClaims;
  if (claims.use !== check.use) return refuse(`for ${claims.use}, not ${check.use}`);
  if (claims.stream !== check.stream) return refuse('for another stream');
  if (claims.expires * 1000 < check.nowMs) throw new GatewayError('ticket-expired', 'the ticket is expired');
  return claims;
}
