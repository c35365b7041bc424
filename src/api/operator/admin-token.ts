import { createHash, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../../domain/errors.ts';
import type { Secret } from '../../domain/secret.ts';

const SCHEME = /^Bearer +(\S+)$/i;

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Throws `unauthorized` unless the header carries the admin token; takes the same time for every wrong token. */
export function assertAdmin(adminToken: Secret, authorization: string | undefined): void {
  const given = SCHEME.exec(authorization ?? '')?.[1];
  if (given === undefined || !timingSafeEqual(digest(given), digest(adminToken.reveal()))) {
    throw new GatewayError(
      'unauthorized',
      'this needs the header Authorization: Bearer <adminToken of apps.json>',
    );
  }
}
