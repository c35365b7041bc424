import type { Logger } from 'pino';
import type { MixStatus } from '../../domain/job.ts';
import { mixedStreams } from '../../domain/layout/layout.ts';
import { sameLayout } from '../../domain/layout/rules.ts';
import type { LayoutSpec, ProgrammeSpec } from '../../domain/task.ts';
import { openStreamReader, type StreamReader } from '../flv/stream-reader.ts';
import { createAudioMixer } from './audio-mix.ts';
import { parseColor } from './canvas.ts';
import { createCanvasPool } from './canvas-pool.ts';
import { createFrameClock, SAMPLE_RATE } from './clock.ts';
import { createEncoderKeeper } from './encoder-keeper.ts';
import { frameBytes } from './frame-pool.ts';
import { createInput, type ProgrammeInput } from './input.ts';
import type { Priorities } from './priority.ts';
import type { InputRef, Sources } from './protocol.ts';
import { createScene } from './scene.ts';
import { openUplink } from './uplink.ts';
import { createUsageMeter } from './usage.ts';

export interface ProgrammeOptions {
  readonly spec: ProgrammeSpec;
  /** Unix ms at which the programme's timestamps are 0. */
  readonly timelineStartedAt: number;
  readonly sources: Sources;
  readonly priorities: Priorities;
  readonly log: Logger;
  /** A higher epoch publishes or reads: this run is over. */
  readonly onFenced: () => void;
}

/** A running programme: it shows what its inputs give and never waits for one. */
export interface Programme {
  update(sources: Sources): void;
  status(): MixStatus;
  /** Ends encoder, decoders and session; resolves when all are gone. */
  stop(): Promise<void>;
}

interface Attached {
  readonly input: ProgrammeInput;
  readonly reader: StreamReader;
  url: string | null;
}

/** Another address, not only a fresh ticket. Without a known address what is connected stays. */
function isElsewhere(before: string | null, after: string | null): boolean {
  return before !== null && after !== null && before.split('?')[0] !== after.split('?')[0];
}

export function startProgramme(options: ProgrammeOptions): Programme {
  const { spec, log } = options;
  const { width, height, fps, bitrateKbps, gopSeconds } = spec.video;
  const startedAtMs = performance.now();
  const timelineStartMs = Math.max(0, Date.now() - options.timelineStartedAt);
  let sources = options.sources;
  let layout: LayoutSpec | null = null;
  let attached = new Map<string, Attached>();
  const leaving = new Set<Attached>();
  let [framesOut, framesDropped, lateTicks] = [0, 0, 0];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const clock = createFrameClock({ fps, startMs: startedAtMs });
  const scene = createScene({
    canvas: { width, height },
    background: parseColor(spec.background),
  });
  const measure = createUsageMeter();
  const mixer = createAudioMixer(Math.ceil(SAMPLE_RATE / fps) + 1);
  const uplink = openUplink({ url: () => sources.publishUrl, log, onFenced: options.onFenced });
  const encoder = createEncoderKeeper({
    ...{ width, height, fps, gopSeconds, log },
    videoKbps: bitrateKbps,
    audioKbps: spec.audio.bitrateKbps,
    onTag(tag) {
      const timestamp = timelineStartMs + tag.timestamp;
      // The AAC frame before the first sample can lie before the timeline's start.
      if (timestamp >= 0) uplink.push({ ...tag, timestamp: timestamp % 2 ** 32 });
    },
  });
  const canvases = createCanvasPool(scene.createCanvas, { fps, frameBytes: frameBytes(width, height) });

  function attach(ref: InputRef, url: string | null): Attached {
    const input = createInput({ ref, log, priorities: options.priorities });
    const entry: Attached = {
      input,
      url,
      reader: openStreamReader({
        url: () => entry.url,
        log: log.child({ input: ref.streamId }),
        onTag: (tag, info) => input.push(tag, info),
        onStreamStart: () => input.restart(),
        onFenced: options.onFenced,
      }),
    };
    return entry;
  }

  function moveTo(entry: Attached, url: string | null): void {
    const moved = isElsewhere(entry.url, url);
    entry.url = url;
    if (moved) entry.reader.reconnect();
  }

  function show(wanted: Sources): void {
    const next = new Map<string, Attached>();
    for (const { url, ...ref } of mixedStreams(wanted.layout, wanted.inputs)) {
      const known = attached.get(ref.streamId);
      if (known) moveTo(known, url);
      next.set(ref.streamId, known ?? attach(ref, url));
    }
    const same =
      layout !== null &&
      sameLayout(layout, wanted.layout) &&
      next.size === attached.size &&
      [...next.keys()].join() === [...attached.keys()].join();
    for (const [id, entry] of attached) if (!next.has(id)) leaving.add(entry);
    attached = next;
    layout = wanted.layout;
    if (same) return;
    const inputs = [...next.values()].map((entry) => entry.input);
    scene.want({ layout, inputs }, performance.now());
  }

  function detach(entry: Attached): void {
    Promise.all([entry.input.close(), entry.reader.stop()]).catch((error: unknown) =>
      log.error({ err: error }, 'reader did not stop'),
    );
  }

  function drawFrame(frame: number, nowMs: number): void {
    const canvas = canvases.take();
    if (!canvas) {
      framesDropped += 1;
      return;
    }
    scene.draw(canvas, nowMs);
    framesOut += 1;
    encoder.writeFrame(frame, canvas.data, () => canvases.giveBack(canvas));
  }

  function mixSound(frame: number, nowMs: number, lastOf: ReadonlySet<Attached>): void {
    const first = clock.firstSample(frame);
    const count = clock.firstSample(frame + 1) - first;
    const out = mixer.begin(count);
    for (const { input } of attached.values()) input.mixInto(out, count, nowMs, false);
    for (const { input } of lastOf) input.mixInto(out, count, nowMs, true);
    encoder.writeSound(first, mixer.finish());
  }

  function tick(): void {
    const frame = clock.next();
    const nowMs = clock.dueAt(frame);
    const gone = scene.advance(nowMs) ? new Set(leaving) : new Set<Attached>();
    drawFrame(frame, nowMs);
    mixSound(frame, nowMs, gone);
    for (const entry of gone) {
      leaving.delete(entry);
      detach(entry);
    }
  }

  function run(): void {
    const nowMs = performance.now();
    framesDropped += clock.skipAhead(nowMs);
    const due = clock.framesDue(nowMs);
    if (due > 1) lateTicks += due - 1;
    for (let count = 0; count < due; count++) tick();
    encoder.check(nowMs);
    schedule();
  }

  function schedule(): void {
    if (stopped) return;
    const dueMs = clock.dueAt(clock.upcoming) - performance.now();
    timer = setTimeout(run, Math.max(0, dueMs));
  }

  show(sources);
  schedule();
  return {
    update(next) {
      const moved = isElsewhere(sources.publishUrl, next.publishUrl);
      const { layout: latest, layoutRevision } =
        next.layoutRevision < sources.layoutRevision ? sources : next;
      sources = { ...next, layout: latest, layoutRevision };
      if (moved) uplink.move();
      show(sources);
    },
    status() {
      const nowMs = performance.now();
      const inputs = [...attached.values()].map((entry) => entry.input);
      const pids = [process.pid, encoder.pid, ...inputs.flatMap((input) => input.pids)];
      const usage = measure(pids);
      return {
        kind: 'mix',
        state: uplink.isConnected
          ? 'running'
          : framesOut > 0 && uplink.starts > 0
            ? 'restarting'
            : 'starting',
        pid: process.pid,
        inputs: inputs.map((input) => input.status(nowMs)),
        ...{ framesOut, framesDropped, lateTicks },
        encoderStarts: encoder.starts,
        publisherStarts: uplink.starts,
        ...usage,
      };
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      const entries = [...attached.values(), ...leaving];
      await Promise.all([
        encoder.stop(),
        ...entries.flatMap((entry) => [entry.reader.stop(), entry.input.close()]),
      ]);
      await uplink.close();
    },
  };
}
