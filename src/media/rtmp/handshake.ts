import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../domain/errors.ts';

const VERSION = 3;
const BLOCK_BYTES = 1536;
/** S0, S1 and S2. */
export const HANDSHAKE_REPLY_BYTES = 1 + 2 * BLOCK_BYTES;

/** C0 and C1 of the simple handshake: version 3, time 0, four zero bytes, random fill. */
export function handshakeHello(): Buffer {
  const hello = Buffer.alloc(1 + BLOCK_BYTES);
  hello[0] = VERSION;
  randomBytes(BLOCK_BYTES - 8).copy(hello, 9);
  return hello;
}

/** C2 for a whole reply (the echo of S1); throws `handshake-failed` when the server speaks something else. */
export function handshakeAnswer(reply: Buffer): Buffer {
  if (reply[0] !== VERSION) {
    throw new GatewayError('handshake-failed', 'the server does not speak RTMP', { blame: 'destination' });
  }
  return Buffer.from(reply.subarray(1, 1 + BLOCK_BYTES));
}
