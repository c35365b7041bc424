import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../src/domain/programme.ts';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../src/media/flv/tag.ts';
import { makeColourClip } from '../support/clip.ts';
import { eventually } from '../support/eventually.ts';
import type { SourceCamera } from '../support/flv-source.ts';
import { type Rgb, toneLevel } from '../support/media-checks.ts';
import { openViewer } from '../support/output-viewer.ts';
import { startWatchedProgramme, type WatchedProgramme } from '../support/watched-programme.ts';
import { brokenBounds, type SoakContext, type SoakReport } from './context.ts';
import { type Interruption, planInterruptions } from './interruption-plan.ts';
import { createSceneJudge, JUDGED_SCALE, type SceneJudge } from './scene-judge.ts';
import { type TrackSteps, watchSteps } from './track-steps.ts';

export interface InterruptionsOptions {
  readonly seconds: number;
  readonly seed: number;
}

export interface InterruptionsReport extends SoakReport {
  readonly seed: number;
  readonly interruptions: number;
  readonly pictures: number;
  readonly missing: number;
  readonly repeated: number;
  readonly largestVideoGapMs: number;
  readonly largestAudioGapMs: number;
  /** From asking for a change to the picture of it at a viewer. */
  readonly slowestChangeMs: number;
  readonly framesDropped: number;
  /** Pieces of 21 ms in which the host, who never stops, was not heard. */
  readonly silent: number;
}

const COLOURS: Readonly<Record<string, Rgb>> = {
  red: [255, 0, 0],
  blue: [0, 0, 255],
  white: [255, 255, 255],
  lime: [0, 255, 0],
};
const HOST = 'red';
const GUESTS = ['blue', 'white', 'lime'];
const TONES: Readonly<Record<string, number>> = { red: 600, blue: 1000, white: 1400, lime: 1800 };
const BACKGROUND: Rgb = [96, 32, 112];
const FPS = 30;
const CANVAS = { width: 640, height: 360 };
const PROGRAMME: ProgrammeSpec = {
  ...DEFAULT_PROGRAMME,
  video: { ...CANVAS, fps: FPS, bitrateKbps: 2000, gopSeconds: 1 },
  background: '#602070',
};
const VIDEO_FRAME_MS = 1000 / FPS;
const AUDIO_FRAME_MS = (1024 * 1000) / 48_000;
const MAX_VIDEO_GAP_MS = VIDEO_FRAME_MS + 20;
const MAX_AUDIO_GAP_MS = AUDIO_FRAME_MS + 2;
/** A tone of FFmpeg's sine source is 1/8 of full scale. */
const AUDIBLE = 0.04;
/** Pieces of the host's sound that may be missing, as a part: a decoder that gets no CPU for the playout delay is late. */
const MAX_SILENT = { quiet: 0.002, busy: 0.05 };
const PER_SECOND = 0.5;
const SETTLE_MS = 3000;

/** What is noticed of the host's sound, which never stops at its source. */
interface HostSound {
  hear(samples: Int16Array): void;
  /** AAC frames in which it was heard, and since then was not. */
  readonly heard: number;
  readonly silent: number;
}

function listenToHost(): HostSound {
  let [silent, heard] = [0, 0];
  return {
    hear(samples) {
      const level = toneLevel(
        Float32Array.from(samples, (value) => value / 32_768),
        TONES[HOST] ?? 0,
      );
      if (level > AUDIBLE) heard += 1;
      else if (heard > 0) silent += 1;
    },
    get silent() {
      return silent;
    },
    get heard() {
      return heard;
    },
  };
}

/** Others work on this machine too, more than it has cores for. */
function isBusy(): boolean {
  return (loadavg()[0] ?? 0) > 2 * availableParallelism();
}

/** Everything that watches one run. */
interface Watch {
  readonly judge: SceneJudge;
  readonly video: TrackSteps;
  readonly audio: TrackSteps;
  readonly host: HostSound;
}

type Clips = ReadonlyMap<string, readonly FlvTag[]>;

async function makeClips(seconds: number): Promise<Clips> {
  const clips = new Map<string, readonly FlvTag[]>();
  for (const [user, rgb] of Object.entries(COLOURS)) {
    const color = `0x${rgb.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
    // The end of the host's clip would be heard: it is longer than the run.
    const length = user === HOST ? seconds + 30 : 8;
    const clip = { color, toneHz: TONES[user] ?? 0, size: '320x180', fps: 15, seconds: length };
    clips.set(user, await makeColourClip(clip));
  }
  return clips;
}

/** Guests with a camera each; who stalls comes back by itself. */
function createGuests(programme: WatchedProgramme, clips: Clips) {
  const cameras = new Map<string, SourceCamera>();
  const thaws = new Map<string, NodeJS.Timeout>();
  return {
    join(user: string) {
      cameras.set(user, programme.source.play(user, clips.get(user) ?? []));
    },
    leave(user: string) {
      clearTimeout(thaws.get(user));
      cameras.get(user)?.end();
    },
    stall(user: string, ms: number) {
      clearTimeout(thaws.get(user));
      cameras.get(user)?.freeze();
      thaws.set(
        user,
        setTimeout(() => cameras.get(user)?.thaw(), ms),
      );
    },
    close() {
      for (const timer of thaws.values()) clearTimeout(timer);
    },
  };
}

async function interrupt(
  programme: WatchedProgramme,
  { clips, judge, plan }: { clips: Clips; judge: SceneJudge; plan: readonly Interruption[] },
  { say, signal }: SoakContext,
): Promise<void> {
  const guests = createGuests(programme, clips);
  const beganAt = performance.now();
  try {
    for (const { atMs, kind, user, stallMs, users, layout } of plan) {
      await delay(Math.max(0, beganAt + atMs - performance.now()), undefined, { signal });
      say(`${(atMs / 1000).toFixed(1).padStart(5)} s  ${kind} ${user || layout.mode}`);
      if (kind === 'stall') guests.stall(user, stallMs);
      else {
        if (kind === 'join') guests.join(user);
        judge.want({ atMs: performance.now(), users, layout, joined: kind === 'join' ? user : null });
        programme.show(users, layout);
        if (kind === 'leave') guests.leave(user);
      }
    }
    await delay(SETTLE_MS, undefined, { signal });
  } finally {
    guests.close();
  }
}

function reportOf(
  { seconds, seed }: InterruptionsOptions,
  { judge, video, audio, host }: Watch,
  programme: WatchedProgramme,
  encoders: readonly [readonly number[], readonly number[]],
): Omit<InterruptionsReport, 'interruptions'> {
  const { encoderStarts = 0, framesDropped = 0 } = programme.status() ?? {};
  const missing = video.missing + audio.missing;
  const repeated = video.repeated + audio.repeated;
  return {
    ...{ soak: 'interruptions', seconds, seed, pictures: judge.pictures, missing, repeated, framesDropped },
    largestVideoGapMs: video.largestGapMs,
    largestAudioGapMs: audio.largestGapMs,
    slowestChangeMs: Math.round(judge.slowestMs),
    silent: host.silent,
    broken: brokenBounds([
      [missing === 0, `${video.missing} frames and ${audio.missing} pieces of sound are missing`],
      [repeated === 0, `${repeated} timestamps came twice or went back`],
      [video.largestGapMs <= MAX_VIDEO_GAP_MS, `a gap of ${video.largestGapMs} ms in the video`],
      [audio.largestGapMs <= MAX_AUDIO_GAP_MS, `a gap of ${audio.largestGapMs} ms in the sound`],
      [video.frames > seconds * FPS * 0.9, `only ${video.frames} frames`],
      [
        host.silent <= host.heard * MAX_SILENT[isBusy() ? 'busy' : 'quiet'],
        `the host is not heard in ${host.silent} pieces of sound`,
      ],
      [judge.wrong.length === 0, `pictures of no scene: ${judge.wrong.join('; ')}`],
      [judge.isCurrent, 'the last scene is not shown'],
      [encoderStarts === 1, `${encoderStarts} encoders`],
      [`${encoders[0]}` === `${encoders[1]}`, `encoder ${encoders[0]} became ${encoders[1]}`],
      [programme.publishes === 1, `${programme.publishes} sessions`],
    ]),
  };
}

/** Joins, leaves, stalls and changes of the layout, one every two seconds: nobody may notice one in the output. */
export async function runInterruptions(
  options: InterruptionsOptions,
  context: SoakContext,
): Promise<InterruptionsReport> {
  const { seconds, seed } = options;
  const clips = await makeClips(seconds);
  const watch: Watch = {
    judge: createSceneJudge({ canvas: CANVAS, background: BACKGROUND, colours: COLOURS }),
    video: watchSteps(TAG_VIDEO, VIDEO_FRAME_MS),
    audio: watchSteps(TAG_AUDIO, AUDIO_FRAME_MS),
    host: listenToHost(),
  };
  const [width, height] = [CANVAS.width / JUDGED_SCALE, CANVAS.height / JUDGED_SCALE];
  let isJudging = false;
  const viewer = openViewer({
    ...{ width, height, format: 'rgb24' },
    onPicture: (rgb) => isJudging && watch.judge.see({ width, height, rgb }, performance.now()),
    onSound: (samples) => watch.host.hear(samples),
  });
  const programme = await startWatchedProgramme(PROGRAMME, (tag) => {
    watch.video.see(tag);
    watch.audio.see(tag);
    viewer.push(tag);
  });
  try {
    programme.source.play(HOST, clips.get(HOST) ?? []);
    watch.judge.want({ atMs: performance.now(), users: [HOST], layout: { mode: 'grid' }, joined: HOST });
    programme.show([HOST], { mode: 'grid' });
    await programme.until(({ inputs }) => inputs[0]?.state === 'live');
    await eventually(() => watch.host.heard > 0);
    const encoder = programme.children('libx264');
    isJudging = true;
    const count = Math.round(seconds * PER_SECOND);
    const plan = planInterruptions({
      ...{ seed, count, lengthMs: seconds * 1000 - SETTLE_MS },
      ...{ host: HOST, guests: GUESTS },
    });
    await interrupt(programme, { clips, judge: watch.judge, plan }, context);
    const report = reportOf(options, watch, programme, [encoder, programme.children('libx264')]);
    return { ...report, interruptions: plan.length };
  } finally {
    await programme.close();
    await viewer.close();
  }
}
