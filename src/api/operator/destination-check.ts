import type { z } from 'zod';
import { GatewayError } from '../../domain/errors.ts';
import { describeLimits } from '../../domain/push/limit-warnings.ts';
import { limitsOf, readDestination } from '../../domain/push/platforms.ts';
import { parseRtmpUrl, showRtmpUrl } from '../../domain/push/rtmp-url.ts';
import { Secret } from '../../domain/secret.ts';
import { unseal } from '../../identity/seal.ts';
import type { OperatorDeps } from './deps.ts';
import { statusOf } from './status-of.ts';
import type { checkAnswer } from './target-schema.ts';

/** Each is a connection for some seconds. */
const MAX_CHECKS = 8;

/** Two ways to write one stream of one server are one place. */
function placeOf(url: string): string {
  const { host, port, app, key } = parseRtmpUrl(url);
  return JSON.stringify([host.toLowerCase(), port, app, key]);
}

/** Throws `conflict` while a target of ours is there: a second publisher would end its session. */
async function assertNotOnAir(deps: OperatorDeps, url: string): Promise<void> {
  const [tasks, statuses] = await Promise.all([deps.tasks.list(), deps.statuses.all()]);
  const place = placeOf(url);
  for (const task of tasks) {
    if (task.kind !== 'relay') continue;
    const target = task.targets.find(
      ({ sealedUrl }) => placeOf(unseal(deps.clusterSecret, sealedUrl).reveal()) === place,
    );
    const status = statusOf(statuses, 'push', task.taskId)?.targets.find(
      (one) => one.targetId === target?.id,
    );
    if (status && ['connecting', 'live', 'degraded'].includes(status.state)) {
      throw new GatewayError('conflict', `it is on the air in task ${task.taskId}: ${status.state}`);
    }
  }
}

/** Tries destinations; throws `bad-request`, `conflict` for one that is on the air, `limit-reached`. */
export function createDestinationChecks(
  deps: OperatorDeps,
): (text: string) => Promise<z.input<typeof checkAnswer>> {
  let running = 0;
  return async (text) => {
    const { url, platform } = readDestination(text);
    if (running >= MAX_CHECKS) {
      throw new GatewayError(
        'limit-reached',
        'many destinations are being checked: try again in a few seconds',
      );
    }
    running += 1;
    try {
      await assertNotOnAir(deps, url);
      const { ok, steps, error } = await deps.checkDestination(new Secret(url));
      return {
        url: showRtmpUrl(url),
        ok,
        steps: [...steps],
        error,
        limits: describeLimits(limitsOf(platform)),
      };
    } finally {
      running -= 1;
    }
  };
}
