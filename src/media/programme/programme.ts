import type { Logger } from 'pino';
import type { MixStatus } from '../../domain/job.ts';
import type { MixEventBody } from '../../domain/mix-event.ts';
import type { ProgrammeSpec } from '../../domain/programme.ts';
import { sameSpec } from '../../domain/same-spec.ts';
import type { Encoders } from '../ffmpeg/capabilities.ts';
import { openPictures } from '../pictures/open-pictures.ts';
import { createProgrammeClock, MAX_TICK_SAMPLES, type Tick } from './clock.ts';
import type { ProgrammeInput } from './input/input.ts';
import { InputSet, isElsewhere } from './input/input-set.ts';
import { createPictureCodecs } from './input/picture-codecs.ts';
import { createStartQueue } from './input/start-queue.ts';
import { openOutput } from './output/output.ts';
import { createSeiWriter } from './output/sei.ts';
import { openUplink } from './output/uplink.ts';
import { PictureTrack } from './picture-track.ts';
import type { Priorities } from './priority.ts';
import type { Sources } from './protocol.ts';
import { createSoundDesk } from './sound/sound-desk.ts';
import { createUsageMeter } from './usage.ts';

export interface ProgrammeOptions {
  /** Unix ms at which the programme's timestamps are 0. */
  readonly timelineStartedAt: number;
  readonly sources: Sources;
  /** CIDRs that pictures may come from though they are not public. */
  readonly pictureNetworks: readonly string[];
  readonly encoders: Encoders;
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
  const { log, onEvent } = options;
  const first = options.sources.programme;
  const timelineStartMs = Math.max(0, Date.now() - options.timelineStartedAt);
  let sources = options.sources;
  let programme: ProgrammeSpec | null = null;
  let lateTicks = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const startMs = performance.now();
  const clock = createProgrammeClock({ fps: first.video?.fps ?? null, startMs });
  const gallery = openPictures({
    networks: options.pictureNetworks,
    ...{ log, nice: options.priorities.catchingUp, onEvent },
  });
  const measure = createUsageMeter();
  const sound = createSoundDesk({ maxSamples: MAX_TICK_SAMPLES, onEvent });
  const uplink = openUplink({ url: () => sources.publishUrl, log, onFenced: options.onFenced });
  const sei = createSeiWriter({ volumeOf: sound.volumeOf, now: Date.now });
  const output = openOutput({
    ...{ encoders: options.encoders, video: first.video, audio: first.audio, log, onEvent },
    onTag(tag) {
      const timestamp = timelineStartMs + tag.timestamp;
      // The AAC frame before the first sample can lie before the timeline's start.
      if (timestamp >= 0) uplink.push({ ...sei.pass(tag), timestamp: timestamp % 2 ** 32 });
    },
  });
  const starts = createStartQueue();
  const codecs = createPictureCodecs(starts, log);
  const inputs = new InputSet({ ...options, starts, codecs });
  const pictures = new PictureTrack({
    ...{ programme: first, gallery, output, onEvent },
    onRate: clock.setFps,
  });

  function show(wanted: Sources): void {
    const otherInputs = inputs.follow(wanted);
    sound.follow(inputs.present, wanted.programme.sound);
    sei.follow(wanted.programme.sei);
    if (!otherInputs && programme !== null && sameSpec(programme, wanted.programme)) return;
    const before = programme ?? wanted.programme;
    programme = wanted.programme;
    if (!sameSpec(before.audio, programme.audio)) output.changeAudio(programme.audio);
    pictures.want({ programme, inputs: inputs.present }, performance.now());
  }

  function mixSound(tick: Tick, leaving: readonly ProgrammeInput[]): void {
    const { firstSample: first, endSample, soundMs: nowMs } = tick;
    const mixed = sound.mix({ first, count: endSample - first, nowMs, heard: inputs.heard, leaving });
    output.writeSound(mixed.first, mixed.samples);
  }

  function runTick(): void {
    const gone = pictures.advance(clock.upcomingMs) ? inputs.takeLeaving() : [];
    const tick = clock.next();
    mixSound(tick, gone);
    pictures.draw(tick);
    if (pictures.shown) sei.show(pictures.shown, tick.dueMs - startMs);
  }

  function run(): void {
    const nowMs = performance.now();
    pictures.framesDropped += clock.skipAhead(nowMs);
    const late = clock.ticksDue(nowMs) - 1;
    if (late > 0) {
      lateTicks += late;
      pictures.governor.late(late);
    }
    // The rate may change on the way.
    while (clock.ticksDue(nowMs) > 0) runTick();
    output.check(nowMs);
    starts.run(clock.upcomingMs);
    schedule();
  }

  function schedule(): void {
    if (stopped) return;
    timer = setTimeout(run, Math.max(0, clock.upcomingMs - performance.now()));
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
      const pids = [process.pid, ...output.pids, ...present.flatMap((input) => input.pids)];
      const usage = measure(pids);
      return {
        kind: 'mix',
        state: uplink.isConnected ? 'running' : uplink.starts > 0 ? 'restarting' : 'starting',
        pid: process.pid,
        inputs: present.map((input) => ({
          ...input.status(nowMs),
          volume: sound.volumeOf(input.ref.streamId),
        })),
        framesOut: pictures.framesOut,
        framesDropped: pictures.framesDropped,
        lateTicks,
        overloaded: pictures.governor.status(),
        encoderStarts: output.starts,
        publisherStarts: uplink.starts,
        ...usage,
      };
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.all([output.stop(), inputs.close(), gallery.close()]);
      await uplink.close();
    },
  };
}
