import type { LookupFunction } from 'node:net';
import type { Logger } from 'pino';
import type { PushStatus } from '../../domain/job.ts';
import { limitWarnings } from '../../domain/push/limit-warnings.ts';
import { limitsOf } from '../../domain/push/platforms.ts';
import { createGopKeeper, snapshotTags } from '../flv/gop.ts';
import { createRebaser } from '../flv/rebase.ts';
import { type FlvTag, isMedia } from '../flv/tag.ts';
import { createMessageCache } from '../rtmp/media-message.ts';
import { DEFAULT_ACK_EVERY_BYTES, openRtmpPublisher } from '../rtmp/publisher.ts';
import { createTrust, type Trust } from '../rtmp/trust.ts';
import { createMergeLanes } from './merge-lanes.ts';
import { readSendQueues } from './send-queues.ts';
import { sharedInterval } from './shared-interval.ts';
import { createStreamMeter } from './stream-figures.ts';
import { createTagMemory } from './tag-memory.ts';
import { createTarget, type Target, type TargetSettings } from './target.ts';
import type { TargetChange, TargetSpec } from './target-spec.ts';

export interface PushSettings extends TargetSettings {
  /** Packets of this many ms go out as one write, for targets that name no other length. */
  readonly mergeMs: number;
  /** How often sessions are looked at. */
  readonly checkEveryMs: number;
  /** How long sessions stay open without a source. */
  readonly sourceGraceMs: number;
}

export const DEFAULT_PUSH_SETTINGS: PushSettings = {
  mergeMs: 100,
  ackEveryBytes: DEFAULT_ACK_EVERY_BYTES,
  connectTimeoutMs: 10_000,
  publishTimeoutMs: 8000,
  checkEveryMs: 250,
  sourceGraceMs: 10_000,
  session: {
    maxQueueBytes: 8 * 1024 * 1024,
    maxQueueMs: 10_000,
    degradedLagMs: 3000,
    degradedAfterDropMs: 10_000,
    stalledMs: 5000,
  },
};

export interface PushRunDeps {
  readonly log: Logger;
  readonly settings?: PushSettings;
  /** 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
  /** For rtmps; its own without it. */
  readonly trust?: Trust;
  /** Of names; the system's without it. */
  readonly lookup?: LookupFunction;
  readonly onChange?: () => void;
  /** Called at once, before anything else happens to that target. */
  readonly onTargetChange?: (change: TargetChange) => void;
}

/** One stream to any number of targets, on one continuous timeline from 0. */
export interface PushRun {
  /** Compares with the running targets: a session lasts as long as its target's URL. */
  setTargets(wanted: readonly TargetSpec[]): void;
  retryNow(targetId: string): void;
  /** A tag of the source, with the source's timestamp. Its data is copied. */
  onTag(tag: FlvTag): void;
  /** The shortest merge window of its targets: so long the source may gather tags before it gives them. */
  mergeMs(): number;
  /** The tags since the last call came at once, gathered for so long. */
  cameGathered(mergeMs: number): void;
  /** The next tags are another publisher's. */
  onStreamStart(): void;
  /** The source is gone, perhaps for a moment. */
  onSourceLost(): void;
  status(): PushStatus;
  /** Takes every stream back; resolves when all connections are gone (about 1.5 s at most). */
  close(): Promise<void>;
  /** Ends every connection at once: another run pushes now. */
  kill(): void;
}

/** How often the system is asked what it keeps for peers that do not acknowledge. */
const PROBE_EVERY_MS = 500;

export function createPushRun(deps: PushRunDeps): PushRun {
  const settings = deps.settings ?? DEFAULT_PUSH_SETTINGS;
  const keeper = createGopKeeper();
  const rebaser = createRebaser({
    onJump: (jump) => deps.log.info(jump, 'the source jumped; the pushed timeline goes on'),
  });
  const cache = createMessageCache();
  const trust = deps.trust ?? createTrust();
  const { lookup } = deps;
  const lanes = createMergeLanes();
  // What the keeper and the lanes let go of is not referred to any more: whatever is sent is another copy.
  const memory = createTagMemory({ needed: () => Math.max(keeper.frames(), lanes.mostGathered()) });
  const meter = createStreamMeter();
  const targets = new Map<string, Target>();
  const closing = new Set<Promise<void>>();
  let isFlowing = false;
  let isOver = false;
  let graceTimer: NodeJS.Timeout | undefined;
  /** Checks go on while the stream flows: there are no sessions without it. */
  let stopChecks: (() => void) | undefined;
  let tellTimer: NodeJS.Immediate | undefined;
  let probedAtMs = Number.NEGATIVE_INFINITY;

  /** Many targets may change in one turn of the loop: that is told once. */
  function changed(): void {
    if (isOver) return;
    tellTimer ??= setImmediate(() => {
      tellTimer = undefined;
      deps.onChange?.();
    });
  }

  function checkAll(): void {
    const nowMs = performance.now();
    for (const target of targets.values()) target.check(nowMs);
    if (nowMs - probedAtMs < PROBE_EVERY_MS) return;
    probedAtMs = nowMs;
    void probeAll();
  }

  async function probeAll(): Promise<void> {
    const probes = [...targets.values()].flatMap((target) => target.probe() ?? []);
    const queues = probes.length > 0 ? await readSendQueues() : null;
    if (queues) for (const tell of probes) tell(queues);
  }

  function retire(target: Target): void {
    lanes.remove(target);
    const done = target.close().finally(() => closing.delete(done));
    closing.add(done);
  }

  function laneOf({ mergeMs }: TargetSpec): number {
    return mergeMs ?? settings.mergeMs;
  }

  function update(target: Target, spec: TargetSpec): void {
    if (laneOf(spec) !== laneOf(target.spec())) lanes.move(target, laneOf(spec));
    target.update(spec);
  }

  function add(spec: TargetSpec): void {
    const target = createTarget(spec, {
      settings,
      cache,
      trust,
      log: deps.log,
      open: (options) => openRtmpPublisher({ ...options, ...(lookup && { lookup }) }),
      opening: () => ({
        tags: snapshotTags(keeper.snapshot(), rebaser.lastMs() ?? 0),
        gathered: lanes.gathered(laneOf(target.spec())),
      }),
      streamKbps: () => meter.kbps(),
      warnings: ({ platform }) => {
        const figures = meter.figures();
        return figures ? limitWarnings(limitsOf(platform), figures) : [];
      },
      random: deps.random ?? Math.random,
      onChange: changed,
      onTargetChange: (change) => deps.onTargetChange?.(change),
    });
    targets.set(spec.id, target);
    lanes.add(target, laneOf(spec));
    if (isFlowing) target.sourceUp();
  }

  function stopTimers(): void {
    clearTimeout(graceTimer);
    stopChecks?.();
    clearImmediate(tellTimer);
  }

  function sourceBack(): void {
    clearTimeout(graceTimer);
    graceTimer = undefined;
    if (isFlowing) return;
    isFlowing = true;
    stopChecks = sharedInterval(checkAll, settings.checkEveryMs);
    for (const target of targets.values()) target.sourceUp();
    changed();
  }

  function sourceGone(): void {
    isFlowing = false;
    stopChecks?.();
    lanes.flush();
    for (const target of targets.values()) target.sourceAway();
    changed();
  }

  return {
    setTargets(wanted) {
      if (isOver) return;
      const kept = new Map(wanted.map((spec) => [spec.id, spec]));
      for (const [id, target] of targets) {
        const spec = kept.get(id);
        if (spec?.url.reveal() === target.spec().url.reveal()) continue;
        targets.delete(id);
        retire(target);
      }
      for (const spec of kept.values()) {
        const target = targets.get(spec.id);
        if (target) update(target, spec);
        else add(spec);
      }
      changed();
    },
    retryNow: (targetId) => targets.get(targetId)?.retryNow(),
    onTag(tag) {
      if (isOver) return;
      const placed = memory.copy(rebaser.rebase(tag));
      keeper.push(placed);
      meter.push(placed);
      lanes.push(placed);
      if (isMedia(tag)) sourceBack();
    },
    mergeMs() {
      const lengths = [...targets.values()].map((target) => laneOf(target.spec()));
      return lengths.length === 0 ? settings.mergeMs : Math.min(...lengths);
    },
    cameGathered: (mergeMs) => lanes.cameGathered(mergeMs),
    onStreamStart() {
      lanes.flush();
      rebaser.discontinuity();
      keeper.clear();
      meter.clear();
      for (const target of targets.values()) target.streamStarted();
    },
    onSourceLost() {
      if (!isFlowing || isOver) return;
      graceTimer ??= setTimeout(sourceGone, settings.sourceGraceMs);
    },
    status: () => ({
      kind: 'push',
      source: isFlowing && graceTimer === undefined ? 'flowing' : 'waiting',
      targets: [...targets.values()].map((target) => target.status()),
    }),
    async close() {
      isOver = true;
      stopTimers();
      for (const target of targets.values()) retire(target);
      await Promise.all(closing);
    },
    kill() {
      isOver = true;
      stopTimers();
      lanes.clear();
      for (const target of targets.values()) target.kill();
    },
  };
}
