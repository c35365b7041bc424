import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../domain/errors.ts';
import { Secret } from '../domain/secret.ts';
import { createOnce } from './atomic-file.ts';
import type { Config } from './config.ts';

const MIN_CHARS = 16;

/** The secret of the setting, else of <data dir>/cluster-secret, which is made (mode 0600) when missing. */
export async function loadClusterSecret(config: Pick<Config, 'clusterSecret' | 'dataDir'>): Promise<Secret> {
  if (config.clusterSecret !== null) return config.clusterSecret;
  const path = join(config.dataDir, 'cluster-secret');
  await createOnce(path, `${randomBytes(32).toString('hex')}\n`);
  const text = (await readFile(path, 'utf8')).trim();
  if (text.length < MIN_CHARS)
    throw new GatewayError('bad-config', `${path} has fewer than ${MIN_CHARS} characters`);
  return new Secret(text);
}
