import type { Logger } from 'pino';
import type { MixStatus } from '../../domain/job.ts';
import type { MixEventBody } from '../../domain/mix-event.ts';
import { DEFAULT_VIDEO, type ProgrammeSpec } from '../../domain/programme.ts';
import { sameSpec } from '../../domain/same-spec.ts';
import { openPictures } from '../pictures/open-pictures.ts';
import { parseColor } from './canvas.ts';
import { createCanvasPool } from './canvas-pool.ts';
import { createFrameClock, SAMPLE_RATE } from './clock.ts';
import { createEncoderKeeper } from './encoder-keeper.ts';
import { frameBytes } from './frame-pool.ts';
import type { ProgrammeInput } from './input.ts';
import { InputSet, isElsewhere } from './input-set.ts';
import { createPictureCodecs } from './picture-codecs.ts';
import type { Priorities } from './priority.ts';
import type { Sources } from './protocol.ts';
import { createScene } from './scene.ts';
import { createSoundDesk } from './sound-desk.ts';
import { createStartQueue } from './start-queue.ts';
import { openUplink } from './uplink.ts';
import { createUsageMeter } from './usage.ts';

export interface ProgrammeOptions {
  /** Unix ms at which the programme's timestamps are 0. */
  readonly timelineStartedAt: number;
  readonly sources: Sources;
  /** CIDRs that pictures may come from though they are not public. */
  readonly pictureNetworks: readonly string[];
  readonly priorities: Priorities;
  readonly log: Logger;
  readonly onEvent: (event: MixEventBody) => void;
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

export function startProgramme(options: ProgrammeOptions): Programme {
  const { log } = options;
  const spec = options.sources.programme;
  const { width, height, fps, bitrateKbps, gopSeconds } = spec.video ?? DEFAULT_VIDEO;
  const startedAtMs = performance.now();
  const timelineStartMs = Math.max(0, Date.now() - options.timelineStartedAt);
  let sources = options.sources;
  let programme: ProgrammeSpec | null = null;
  let [framesOut, framesDropped, lateTicks] = [0, 0, 0];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const clock = createFrameClock({ fps, startMs: startedAtMs });
  const pictures = openPictures({
    networks: options.pictureNetworks,
    ...{ log, nice: options.priorities.catchingUp, onEvent: options.onEvent },
  });
  const scene = createScene({
    canvas: { width, height },
    background: parseColor(spec.background),
    pictures,
  });
  const measure = createUsageMeter();
  const sound = createSoundDesk({
    maxSamples: Math.ceil(SAMPLE_RATE / fps) + 1,
    onEvent: options.onEvent,
  });
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
  const starts = createStartQueue();
  const codecs = createPictureCodecs(starts, log);
  const inputs = new InputSet({ ...options, starts, codecs });
  const canvases = createCanvasPool(scene.createCanvas, { fps, frameBytes: frameBytes(width, height) });

  function show(wanted: Sources): void {
    const otherInputs = inputs.follow(wanted);
    sound.follow(inputs.present, wanted.programme.sound);
    if (!otherInputs && programme !== null && sameSpec(programme, wanted.programme)) return;
    programme = wanted.programme;
    scene.want({ programme, inputs: inputs.present }, performance.now());
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

  function mixSound(frame: number, nowMs: number, leaving: readonly ProgrammeInput[]): void {
    const first = clock.firstSample(frame);
    const count = clock.firstSample(frame + 1) - first;
    const mixed = sound.mix({ first, count, nowMs, heard: inputs.heard, leaving });
    encoder.writeSound(mixed.first, mixed.samples);
  }

  function tick(): void {
    const frame = clock.next();
    const nowMs = clock.dueAt(frame);
    const gone = scene.advance(nowMs) ? inputs.takeLeaving() : [];
    drawFrame(frame, nowMs);
    mixSound(frame, nowMs, gone);
  }

  function run(): void {
    const nowMs = performance.now();
    framesDropped += clock.skipAhead(nowMs);
    const due = clock.framesDue(nowMs);
    if (due > 1) lateTicks += due - 1;
    for (let count = 0; count < due; count++) tick();
    encoder.check(nowMs);
    starts.run(clock.dueAt(clock.upcoming));
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
      const { programme: latest, programmeRevision } =
        next.programmeRevision < sources.programmeRevision ? sources : next;
      sources = { ...next, programme: latest, programmeRevision };
      if (moved) uplink.move();
      show(sources);
    },
    status() {
      const nowMs = performance.now();
      const present = inputs.present.map((entry) => entry.input);
      const pids = [process.pid, encoder.pid, ...present.flatMap((input) => input.pids)];
      const usage = measure(pids);
      return {
        kind: 'mix',
        state: uplink.isConnected
          ? 'running'
          : framesOut > 0 && uplink.starts > 0
            ? 'restarting'
            : 'starting',
        pid: process.pid,
        inputs: present.map((input) => ({
          ...input.status(nowMs),
          volume: sound.volumeOf(input.ref.streamId),
        })),
        ...{ framesOut, framesDropped, lateTicks },
        encoderStarts: encoder.starts,
        publisherStarts: uplink.starts,
        ...usage,
      };
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.all([encoder.stop(), inputs.close(), pictures.close()]);
      await uplink.close();
    },
  };
}
