import { createHmac } from 'node:crypto';
import type { Secret } from '../domain/secret.ts';

/** The header `Sign` of a callback: base64 HMAC-SHA256 over the very bytes that are sent. */
export function signCallback(key: Secret, body: Uint8Array): string {
  return createHmac('sha256', key.reveal()).update(body).digest('base64');
}
