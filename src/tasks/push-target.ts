import { randomBytes } from 'node:crypto';
import type { Destination } from '../domain/push/platforms.ts';
import { showRtmpUrl } from '../domain/push/rtmp-url.ts';
import { Secret } from '../domain/secret.ts';
import type { PushTarget } from '../domain/task.ts';
import { seal } from '../identity/seal.ts';

const TARGET_ID_BYTES = 5;

/** A target as tasks keep it: under an id of its own, its URL sealed. */
export function newPushTarget(
  clusterSecret: Secret,
  { url, platform }: Destination,
  settings: Pick<PushTarget, 'mergeMs' | 'retry' | 'paused'>,
): PushTarget {
  return {
    id: randomBytes(TARGET_ID_BYTES).toString('hex'),
    sealedUrl: seal(clusterSecret, new Secret(url)),
    shownUrl: showRtmpUrl(url),
    ...(platform !== undefined && { platform }),
    ...settings,
  };
}
