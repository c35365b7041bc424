import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { GatewayError } from '../domain/errors.ts';
import { Secret } from '../domain/secret.ts';

const VERSION = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;

function keyOf(clusterSecret: Secret): Buffer {
  return createHash('sha256').update('roomcast seal ').update(clusterSecret.reveal()).digest();
}

/** Encrypts a secret for Redis with AES-256-GCM under the cluster secret: `v1.<base64url>`. */
export function seal(clusterSecret: Secret, plain: Secret): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(clusterSecret), iv);
  const body = Buffer.concat([cipher.update(plain.reveal(), 'utf8'), cipher.final()]);
  return `${VERSION}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
}

/** Reverse of seal; throws `internal` when the text was sealed under another cluster secret or damaged. */
export function unseal(clusterSecret: Secret, sealed: string): Secret {
  try {
    const [version, text = ''] = sealed.split('.');
    if (version !== VERSION) throw new Error(`unknown version ${version}`);
    const raw = Buffer.from(text, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', keyOf(clusterSecret), raw.subarray(0, IV_BYTES));
    decipher.setAuthTag(raw.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const body = Buffer.concat([decipher.update(raw.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    return new Secret(body.toString('utf8'));
  } catch (cause) {
    throw new GatewayError('internal', 'a stored secret cannot be opened: another cluster secret sealed it', {
      blame: 'system',
      retry: 'never',
      cause,
    });
  }
}
