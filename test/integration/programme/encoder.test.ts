import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { ProgrammeSpec } from '../../../src/domain/programme.ts';
import {
  type FlvTag,
  isKeyFrame,
  isMedia,
  isSequenceHeader,
  TAG_AUDIO,
  TAG_VIDEO,
} from '../../../src/media/flv/tag.ts';
import { makeFlashClip, quantile, soundOffsets } from '../../support/av-sync.ts';
import { makeColourClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import {
  colourDistance,
  decodeErrors,
  lastPicture,
  lastSound,
  meanColour,
  probe,
  type Rgb,
  toneLevel,
  trackTimes,
} from '../../support/media-checks.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const RED: Rgb = [255, 0, 0];
const BLUE: Rgb = [0, 0, 255];
const TONE_HZ = 500;
const AUDIBLE = 0.06;
const TOLERANCE = 40;
/** What a slowed encoder takes of the pictures. */
const ENCODED_SHARE = 0.4;
const FRAME_MS = 1000 / SMALL_PROGRAMME.video.fps;

let clips: { readonly red: FlvTag[]; readonly blue: FlvTag[] };
let rig: ProgrammeRig | null = null;

beforeAll(async () => {
  const [red, blue] = await Promise.all([
    makeColourClip({ color: 'red', toneHz: TONE_HZ }),
    makeColourClip({ color: 'blue', toneHz: 1100, fps: 25 }),
  ]);
  clips = { red, blue };
});

afterEach(async () => {
  await rig?.close();
  rig = null;
});

type Start = Parameters<typeof startProgrammeRig>;

async function startWithTwo(...options: Start): Promise<ProgrammeRig> {
  rig = await startProgrammeRig(...options);
  rig.source.play('red', clips.red);
  rig.source.play('blue', clips.blue);
  rig.show(['red', 'blue']);
  await rig.until(({ inputs }) => inputs.length === 2 && inputs.every((input) => input.state === 'live'));
  await rig.pass(1500);
  return rig;
}

const headersOf = (tags: readonly FlvTag[], type: FlvTag['type']) =>
  tags.filter((tag) => tag.type === type && isSequenceHeader(tag));

function expectSteady(on: ProgrammeRig, tags: readonly FlvTag[], largestVideoGapMs: number): void {
  const fps = SMALL_PROGRAMME.video.fps;
  const droppedMs = ((on.status()?.framesDropped ?? 0) * 1000) / fps;
  const video = trackTimes(tags, TAG_VIDEO);
  const audio = trackTimes(tags, TAG_AUDIO);
  expect(video.wentBack).toEqual([]);
  expect(audio.wentBack).toEqual([]);
  expect(video.largestGapMs).toBeLessThanOrEqual(largestVideoGapMs + droppedMs);
  // An AAC frame of 48 kHz is 21.3 ms.
  expect(audio.largestGapMs).toBeLessThanOrEqual(22);
}

test('size, rate, bitrate, GOP, preset and rate control change on the air, in one session, without a gap', async () => {
  const on = await startWithTwo();
  const changes: Partial<NonNullable<ProgrammeSpec['video']>>[] = [
    { width: 960, height: 540, fps: 25, bitrateKbps: 1200 },
    { width: 480, height: 640, fps: 15, gopSeconds: 2, preset: 'ultrafast', rateControl: 'vbr' },
    {},
  ];
  for (const change of changes) {
    const video = { ...SMALL_PROGRAMME.video, ...change };
    const { encoderStarts } = on.status() ?? { encoderStarts: 0 };
    on.change({ video });
    await on.until((status) => status.encoderStarts === encoderStarts + 1);
    await on.pass(4000);
    const { width, height } = video;
    const picture = await lastPicture(await on.recording(), width, height);
    const [left, right] = [
      meanColour(picture, { x: 0, y: 0, width: width / 2, height }),
      meanColour(picture, { x: width / 2, y: 0, width: width / 2, height }),
    ];
    expect(colourDistance(left, RED), `${left}`).toBeLessThan(TOLERANCE);
    expect(colourDistance(right, BLUE), `${right}`).toBeLessThan(TOLERANCE);
  }
  const tags = await on.received();
  // One frame of the slowest rate, and the step from grid to grid.
  expectSteady(on, tags, 140);
  expect(await on.nginx.publishSessions('live', 'mix')).toBe(1);
  expect(new Set(headersOf(tags, TAG_AUDIO).map(({ data }) => data.toString('hex'))).size).toBe(1);
  const headers = headersOf(tags, TAG_VIDEO);
  expect(headers.length).toBeGreaterThanOrEqual(4);
  for (const header of headers.slice(1)) {
    const next = tags.slice(tags.indexOf(header) + 1).find((tag) => tag.type === TAG_VIDEO && isMedia(tag));
    expect(next && isKeyFrame(next)).toBe(true);
    expect(next?.timestamp).toBe(header.timestamp);
  }
  // FFmpeg's parser does not learn of a new header and complains, as `NULL`; its decoder does.
  const complaints = (await decodeErrors(await on.wholeRecording()))
    .split('\n')
    .filter((line) => !/^\[NULL @|^ +Last message repeated|^$/.test(line));
  expect(complaints).toEqual([]);
});

test('key frames stand on the GOP grid, whatever the preset', async () => {
  const video = { ...SMALL_PROGRAMME.video, gopSeconds: 2, preset: 'superfast' } as const;
  const on = await startWithTwo({ ...SMALL_PROGRAMME, video });
  await on.pass(9000);
  const keys = (await on.received()).filter(isKeyFrame).map((tag) => tag.timestamp);
  expect(keys.length).toBeGreaterThanOrEqual(5);
  for (const [at, ms] of keys.entries()) {
    // On a machine that is too busy the frame of the grid may be one of those left out.
    const dropped = on.status()?.framesDropped ?? 0;
    expect(Math.abs(ms - (keys[0] ?? 0) - at * 2000)).toBeLessThanOrEqual(1 + dropped * 34);
  }
});

test('a programme of sound alone has no picture anywhere, and pictures can join it later', async () => {
  const on = await startWithTwo({ ...SMALL_PROGRAMME, video: null });
  await on.pass(2000);
  const tags = await on.received();
  expect(tags.filter((tag) => tag.type === TAG_VIDEO)).toEqual([]);
  expect(on.children('libx264')).toEqual([]);
  expect(on.children('scale=')).toEqual([]);
  expect(trackTimes(tags, TAG_AUDIO).largestGapMs).toBeLessThanOrEqual(22);
  const sound = await lastSound(await on.recording(), 0.5);
  expect(toneLevel(sound, TONE_HZ)).toBeGreaterThan(AUDIBLE);

  on.change({ video: SMALL_PROGRAMME.video });
  await eventually(async () => (await on.received()).some(isKeyFrame));
  await on.pass(1500);
  const joined = await on.received();
  expect(trackTimes(joined, TAG_AUDIO).largestGapMs).toBeLessThanOrEqual(22);
  expect(await on.nginx.publishSessions('live', 'mix')).toBe(1);
});

test.each([
  { sampleRate: 8000, channels: 1, bitrateKbps: 500 },
  { sampleRate: 44_100, channels: 2, bitrateKbps: 64 },
] as const)('sound of $sampleRate Hz stays with the picture', async (audio) => {
  const clip = await makeFlashClip({ seconds: 16, toneHz: 1000 });
  const on = await startProgrammeRig({ ...SMALL_PROGRAMME, audio });
  rig = on;
  on.source.play('flash', clip);
  on.show(['flash']);
  await on.until(({ inputs }) => inputs[0]?.state === 'live');
  await on.pass(10_000);
  const file = await on.recording();
  const { width, height } = SMALL_PROGRAMME.video;
  const offsets = await soundOffsets(file, { x: 0, y: 0, width, height }, 1000);
  expect(offsets.length).toBeGreaterThan(7);
  expect(quantile(offsets.map(Math.abs), 0.9), `${offsets}`).toBeLessThan(80);
  const stream = (await probe(file)).streams.find(({ codec }) => codec === 'aac');
  expect(stream).toMatchObject({ sampleRate: audio.sampleRate, channels: audio.channels });
  const frameMs = (1024 * 1000) / audio.sampleRate;
  expect(trackTimes(await on.received(), TAG_AUDIO).largestGapMs).toBeLessThanOrEqual(Math.ceil(frameMs));
});

test('another sample rate goes on in the same session, with its own header', async () => {
  const on = await startWithTwo();
  on.change({ audio: { bitrateKbps: 64, sampleRate: 32_000, channels: 1 } });
  await eventually(async () => headersOf(await on.received(), TAG_AUDIO).length === 2);
  await on.pass(2000);
  const tags = await on.received();
  const times = trackTimes(tags, TAG_AUDIO);
  expect(times.wentBack).toEqual([]);
  expect(times.largestGapMs).toBeLessThanOrEqual(64);
  expect(headersOf(tags, TAG_VIDEO)).toHaveLength(1);
  expect(await on.nginx.publishSessions('live', 'mix')).toBe(1);
});

test('a hardware encoder that does not work here is replaced by libx264, which an event tells', async () => {
  const on = await startWithTwo(SMALL_PROGRAMME, { video: 'h264_nvenc', heAac: null });
  expect(on.children('h264_nvenc')).toEqual([]);
  expect(on.children('libx264')).toHaveLength(1);
  const [event] = on.events.filter(({ type }) => type === 'encoder-fallback');
  expect(event).toMatchObject({ encoder: 'h264_nvenc' });
  expect(on.status()?.encoderStarts).toBe(3);
  expectSteady(on, await on.received(), 100);
});

/** Stops the process whenever it has read more than so many bytes a second; what it reads too much, it pays back. */
function limitReading(pid: number, bytesPerSecond: number) {
  const bytesRead = (): number => Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
  const mostSaved = bytesPerSecond / 30;
  let allowed = bytesRead();
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const read = bytesRead();
    allowed = Math.min(allowed + ((now - last) * bytesPerSecond) / 1000, read + mostSaved);
    last = now;
    process.kill(pid, read < allowed ? 'SIGCONT' : 'SIGSTOP');
  }, 2);
  return () => {
    clearInterval(timer);
    process.kill(pid, 'SIGCONT');
  };
}

test('an encoder that cannot keep up gives fewer pictures evenly and all of the sound, and recovers', async () => {
  const on = await startWithTwo();
  const [encoder = 0] = on.children('libx264');
  expect(encoder).toBeGreaterThan(0);
  const { width, height, fps } = SMALL_PROGRAMME.video;
  const release = limitReading(encoder, ENCODED_SHARE * fps * width * height * 1.5);
  try {
    const { overloaded } = await on.until((status) => status.overloaded !== null, 60_000);
    expect(overloaded?.droppedShare).toBeGreaterThan(0);
    // What waited when it began is worked off by then.
    await on.pass(6000);
    const from = (await on.received()).at(-1)?.timestamp ?? 0;
    await on.pass(5000);
    const times = (await on.received())
      .filter((tag) => tag.type === TAG_VIDEO && isMedia(tag) && tag.timestamp >= from)
      .map((tag) => tag.timestamp);
    const gaps = times.slice(1).map((ms, at) => Math.round((ms - (times[at] ?? 0)) / FRAME_MS));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    expect(mean).toBeGreaterThan(0.9 / ENCODED_SHARE);
    // No fewer than it takes, and evenly: a gap is like the one before it, give or take a picture.
    expect(mean, `${gaps}`).toBeLessThan(1.2 / ENCODED_SHARE);
    const even = gaps.slice(1).filter((gap, at) => Math.abs(gap - (gaps[at] ?? 0)) <= 1);
    expect(even.length / (gaps.length - 1), `${gaps}`).toBeGreaterThan(0.9);
  } finally {
    release();
  }
  await on.until((status) => status.overloaded === null, 60_000);
  expect(on.events.filter(({ type }) => type === 'overloaded' || type === 'recovered')).toHaveLength(2);
  expect(on.children('libx264')).toEqual([encoder]);
  const tags = await on.received();
  const audio = trackTimes(tags, TAG_AUDIO);
  expect(audio.wentBack).toEqual([]);
  expect(audio.largestGapMs).toBeLessThanOrEqual(22);
  const video = trackTimes(tags, TAG_VIDEO);
  expect(video.wentBack).toEqual([]);
  // No more than seven pictures in a row are ever left out, but for those that a busy machine had no time to draw.
  expect(video.largestGapMs).toBeLessThanOrEqual((8 + (on.status()?.lateTicks ?? 0)) * 34);
});
