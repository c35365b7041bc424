import type { LookupFunction } from 'node:net';
import { createRelayCallbacks } from '../src/callbacks/relay-callbacks.ts';
import { GatewayError, toGatewayError } from '../src/domain/errors.ts';
import type { JobStatus } from '../src/domain/job.ts';
import { handedOver } from '../src/domain/push/hand-over.ts';
import type { RelayTask } from '../src/domain/task.ts';
import { unseal } from '../src/identity/seal.ts';
import { openStreamReader, type ReaderState } from '../src/media/flv/stream-reader.ts';
import { type FlvTag, isKeyFrame } from '../src/media/flv/tag.ts';
import {
  createPushRun,
  DEFAULT_PUSH_SETTINGS,
  type PushRun,
  type PushSettings,
} from '../src/media/push/push-run.ts';
import type { TargetChange, TargetSpec } from '../src/media/push/target-spec.ts';
import type { Trust } from '../src/media/rtmp/trust.ts';
import { everySecond } from './every-second.ts';
import type { JobContext, JobHandler } from './job-context.ts';
import { createPushEvents } from './push-events.ts';
import { readHubStream } from './stream-address.ts';

export interface PushJobDeps {
  readonly settings?: PushSettings;
  readonly random?: () => number;
  /** For rtmps; shared by all jobs. */
  readonly trust?: Trust;
  /** Of names; shared by all jobs. */
  readonly lookup?: LookupFunction;
}

async function readTask(context: JobContext): Promise<RelayTask | null> {
  const task = await context.facts.getTask(context.job.id);
  if (task !== null && task.kind !== 'relay') {
    throw new GatewayError('internal', 'a push job needs a relay task', { blame: 'system', retry: 'never' });
  }
  return task?.endedAt === null ? task : null;
}

/** Targets that an earlier run of this task was live at: the server may still hold that session. */
function provedTargets(leftBehind: JobStatus | null): ReadonlySet<string> {
  const targets = leftBehind?.kind === 'push' ? leftBehind.targets : [];
  return new Set(
    targets
      .filter(({ proved, state }) => proved || state === 'live' || state === 'degraded')
      .map((target) => target.targetId),
  );
}

function targetSpecs({ clusterSecret, leftBehind }: JobContext, task: RelayTask): TargetSpec[] {
  const proved = provedTargets(leftBehind);
  return task.targets.map(({ sealedUrl, ...target }) => ({
    ...target,
    url: unseal(clusterSecret, sealedUrl),
    proved: proved.has(target.id),
  }));
}

/** Applies the task's newest targets and retry wishes; one reading at a time. */
function followTask(context: JobContext, run: PushRun, first: RelayTask): () => void {
  let nonces = first.retryNonce;
  let isReading = false;
  let isStale = false;

  async function refresh(): Promise<void> {
    const task = await readTask(context);
    if (!task || context.signal.aborted) return;
    run.setTargets(targetSpecs(context, task));
    for (const [id, nonce] of Object.entries(task.retryNonce)) {
      if (nonce > (nonces[id] ?? 0)) run.retryNow(id);
    }
    nonces = task.retryNonce;
  }

  async function refreshUntilFresh(): Promise<void> {
    isReading = true;
    do {
      isStale = false;
      await refresh().catch((error: unknown) => {
        // The running targets go on; the next change tries again.
        context.log.error({ reason: toGatewayError(error).message }, 'push targets could not be updated');
      });
    } while (isStale);
    isReading = false;
  }

  function changed(): void {
    isStale = true;
    if (!isReading) void refreshUntilFresh();
  }

  const unfollow = context.onUpdate(changed);
  // What changed between the first reading and now was announced to nobody.
  changed();
  return unfollow;
}

/** The reason of the first signal that aborts. */
function firstAbort(signals: readonly AbortSignal[]): Promise<unknown> {
  const any = AbortSignal.any([...signals]);
  return new Promise((resolve) => {
    if (any.aborted) resolve(any.reason);
    else any.addEventListener('abort', () => resolve(any.reason), { once: true });
  });
}

function isHandedOver({ aborted, reason }: AbortSignal): boolean {
  return aborted && (reason === 'drain' || reason === 'fenced');
}

function pushSettings({ graceSeconds }: RelayTask, settings = DEFAULT_PUSH_SETTINGS): PushSettings {
  return graceSeconds === undefined ? settings : { ...settings, sourceGraceMs: graceSeconds * 1000 };
}

/** Pushes a relay task's stream to its targets until stopped or fenced. */
export function createPushJob(deps: PushJobDeps = {}): JobHandler {
  return async (context) => {
    const task = await readTask(context);
    if (!task) return { result: 'done' };
    const events = createPushEvents({ emit: (event) => context.emit(event), now: Date.now });
    const appCallbacks = createRelayCallbacks({
      task,
      leftBehind: context.leftBehind?.kind === 'push' ? context.leftBehind : null,
      send: (event) => context.tellApp(event),
      now: Date.now,
    });
    const onTargetChange = (change: TargetChange) => {
      context.log.info(change, 'push target changed');
      events.changed(change);
      // What is stopped here goes on at another worker: the app hears that it recovers, and there that it has.
      const goesOn = fence.signal.aborted || isHandedOver(context.signal);
      if (change.to !== 'stopped' || !goesOn) appCallbacks.changed(change);
    };
    const fence = new AbortController();
    const settings = pushSettings(task, deps.settings);
    const run = createPushRun({
      ...deps,
      settings,
      log: context.log,
      onChange: () => report(),
      onTargetChange,
    });
    let isLeft = false;
    const report = () => {
      if (isLeft) return;
      const status = run.status();
      context.report(status);
      events.look(status.targets);
    };
    const leave = () => {
      const status = handedOver(run.status());
      isLeft = true;
      context.leave(status);
      const waiting = status.targets.filter(({ state }) => state === 'backing-off');
      for (const target of waiting) appCallbacks.changed({ ...target, to: 'backing-off', error: null });
    };
    run.setTargets(targetSpecs(context, task));
    const unfollow = followTask(context, run, task);
    // So long the gateway gathers what it sends on the present connection.
    let readMs = 0;
    const callbacks = {
      lent: true,
      mergeMs: () => {
        readMs = run.mergeMs();
        return readMs;
      },
      onRead: () => run.cameGathered(readMs),
      onTag: (tag: FlvTag) => {
        run.onTag(tag);
        // A target that waits less has come. Behind a key frame the gateway still has all that was read last.
        if (isKeyFrame(tag) && run.mergeMs() < readMs) setImmediate(() => reader.reconnect());
      },
      onStreamStart: () => run.onStreamStart(),
      onStreamEnd: () => run.onSourceLost(),
      onState: (state: ReaderState) => {
        if (state === 'down') run.onSourceLost();
      },
      onFenced: () => fence.abort('fenced'),
    };
    const reader = readHubStream(context, task, callbacks, openStreamReader);
    const stopReporting = everySecond(() => {
      report();
      appCallbacks.tick();
    });
    try {
      const reason = await firstAbort([context.signal, fence.signal]);
      if (reason === 'drain') leave();
      if (reason !== 'fenced') return { result: 'stopped' };
      run.kill();
      return { result: 'fenced' };
    } finally {
      stopReporting();
      unfollow();
      await Promise.all([reader.stop(), run.close()]);
    }
  };
}
