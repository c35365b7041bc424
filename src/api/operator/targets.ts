import { findApp } from '../../config/app.ts';
import { GatewayError } from '../../domain/errors.ts';
import { limitWarnings, programmeFigures } from '../../domain/push/limit-warnings.ts';
import { limitsOf, readDestination } from '../../domain/push/platforms.ts';
import { changeRetry, type RetryChange } from '../../domain/push/retry-change.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../../domain/push/retry-policy.ts';
import { showRtmpUrl } from '../../domain/push/rtmp-url.ts';
import type { PushTarget, RelayTask } from '../../domain/task.ts';
import { withTargets } from '../../domain/task-change.ts';
import { unseal } from '../../identity/seal.ts';
import { newPushTarget } from '../../tasks/push-target.ts';
import type { OperatorDeps } from './deps.ts';
import type { TargetChangeBody, TargetRequest } from './target-schema.ts';

type TargetDeps = Pick<OperatorDeps, 'apps' | 'clusterSecret'>;

/** Its shown URL is all that may leave, its whole URL is compared only. */
function wholeUrl({ clusterSecret }: TargetDeps, target: PushTarget): string {
  return unseal(clusterSecret, target.sealedUrl).reveal();
}

/** Makes targets of one task, each with a URL that none has yet. */
interface TargetMaker {
  /** Throws `bad-request` on a bad URL, `conflict` on one that is there already. `like` gives what is not asked for. */
  make(request: TargetRequest, like?: PushTarget): PushTarget;
}

function createTargetMaker(deps: TargetDeps, appId: number, present: readonly PushTarget[]): TargetMaker {
  const appRetry = findApp(deps.apps, appId)?.retry;
  const known = new Set(present.map((target) => wholeUrl(deps, target)));

  function retryOf(asked: RetryChange | undefined, like: PushTarget | undefined): RetryPolicy {
    if (like?.retry) return changeRetry(like.retry, asked);
    return changeRetry(DEFAULT_RETRY, appRetry, asked);
  }

  return {
    make(request, like) {
      const asked: Exclude<TargetRequest, string> = typeof request === 'string' ? { url: request } : request;
      const destination = readDestination(asked.url);
      const { url } = destination;
      if (known.has(url))
        throw new GatewayError('conflict', `${showRtmpUrl(url)} is given twice or a target already`);
      known.add(url);
      const platform = asked.platform ?? destination.platform;
      const mergeMs = asked.mergeMs ?? like?.mergeMs;
      return newPushTarget(
        deps.clusterSecret,
        { url, ...(platform !== undefined && { platform }) },
        {
          ...(mergeMs !== undefined && { mergeMs }),
          retry: retryOf(asked.retry, like),
          ...((asked.paused ?? like?.paused) && { paused: true }),
        },
      );
    },
  };
}

/** The targets of a new task; throws as TargetMaker does. */
export function makeTargets(deps: TargetDeps, appId: number, asked: readonly TargetRequest[]): PushTarget[] {
  const maker = createTargetMaker(deps, appId, []);
  return asked.map((request) => maker.make(request));
}

function urlNamedBy(text: string): string {
  try {
    return readDestination(text).url;
  } catch {
    return text; // an id, or a URL as it is shown
  }
}

/** The one target with this id or URL, whole or as shown; throws `not-found`, `conflict` when several are shown so. */
export function findTarget(deps: TargetDeps, targets: readonly PushTarget[], name: string): PushTarget {
  const url = urlNamedBy(name);
  const exact = targets.filter((target) => target.id === name || wholeUrl(deps, target) === url);
  const matches = exact.length > 0 ? exact : targets.filter((target) => target.shownUrl === name);
  const [found] = matches;
  if (found === undefined) throw new GatewayError('not-found', 'the task has no target with this URL or id');
  if (matches.length > 1) {
    throw new GatewayError('conflict', 'several targets look like this URL: give it with its key, or the id');
  }
  return found;
}

/** The task with its targets changed as asked, at once or not at all; throws as makeTargets, findTarget, withTargets. */
export function changeTargets(deps: TargetDeps, task: RelayTask, body: TargetChangeBody): RelayTask {
  const find = (name: string) => findTarget(deps, task.targets, name);
  const removed = body.remove.map(find);
  const replaced = body.replace.map(({ from, to }) => ({ old: find(from), to }));
  const gone = [...removed, ...replaced.map(({ old }) => old)].map((target) => target.id);
  if (new Set(gone).size < gone.length) {
    throw new GatewayError('bad-request', 'a target can be removed or replaced only once');
  }
  const changed = body.change.map(({ target: name, retry, mergeMs }) => {
    const target = find(name);
    const change = {
      ...(mergeMs !== undefined && { mergeMs }),
      ...(retry !== undefined && { retry: changeRetry(target.retry ?? DEFAULT_RETRY, retry) }),
    };
    return [target.id, change] as const;
  });
  const kept = task.targets.filter((target) => !gone.includes(target.id));
  const maker = createTargetMaker(deps, task.appId, kept);
  return withTargets(task, {
    remove: new Set(removed.map((target) => target.id)),
    replace: new Map(replaced.map(({ old, to }) => [old.id, maker.make(to, old)])),
    change: new Map(changed),
    add: body.add.map((request) => maker.make(request)),
  });
}

/** What of a task's programme breaks the limits of its targets' platforms; a copied stream is judged on the air. */
export function programmeWarnings({ source, targets }: RelayTask): {
  warnings?: { url: string; message: string }[];
} {
  if (source.type !== 'mix') return {};
  const figures = programmeFigures(source.programme);
  const warnings = targets.flatMap(({ platform, shownUrl }) =>
    limitWarnings(limitsOf(platform), figures).map((message) => ({ url: shownUrl, message })),
  );
  return warnings.length === 0 ? {} : { warnings };
}
