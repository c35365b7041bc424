import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../domain/errors.ts';
import { parseRtmpUrl, showRtmpUrl } from '../../domain/push/rtmp-url.ts';
import { Secret } from '../../domain/secret.ts';
import type { PushTarget } from '../../domain/task.ts';
import { seal, unseal } from '../../identity/seal.ts';

const TARGET_ID_BYTES = 5;

/** How a target is known to callers: its shown URL is all that may leave, its whole URL is compared only. */
function wholeUrl(clusterSecret: Secret, target: PushTarget): string {
  return unseal(clusterSecret, target.sealedUrl).reveal();
}

/** Checked, sealed targets of these URLs; throws `bad-request` on a bad URL, `conflict` on one that is there already. */
export function makeTargets(
  clusterSecret: Secret,
  urls: readonly string[],
  present: readonly PushTarget[],
): PushTarget[] {
  const known = new Set(present.map((target) => wholeUrl(clusterSecret, target)));
  return urls.map((url) => {
    parseRtmpUrl(url);
    const shownUrl = showRtmpUrl(url);
    if (known.has(url)) throw new GatewayError('conflict', `${shownUrl} is given twice or a target already`);
    known.add(url);
    return {
      id: randomBytes(TARGET_ID_BYTES).toString('hex'),
      sealedUrl: seal(clusterSecret, new Secret(url)),
      shownUrl,
    };
  });
}

/** The one target with this URL, whole or as shown; throws `not-found`, or `conflict` when several are shown so. */
export function findTarget(clusterSecret: Secret, targets: readonly PushTarget[], url: string): PushTarget {
  const exact = targets.filter((target) => wholeUrl(clusterSecret, target) === url);
  const matches = exact.length > 0 ? exact : targets.filter((target) => target.shownUrl === url);
  const [found] = matches;
  if (found === undefined) throw new GatewayError('not-found', 'the task has no target with this URL');
  if (matches.length > 1) {
    throw new GatewayError('conflict', 'several targets look like this URL: give it with its key');
  }
  return found;
}
