import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import type { MixEventBody } from '../../../src/domain/mix-event.ts';
import type { VideoSpec } from '../../../src/domain/programme.ts';
import { decodeAmf } from '../../../src/media/flv/amf.ts';
import { scriptName } from '../../../src/media/flv/script.ts';
import {
  type FlvTag,
  isKeyFrame,
  isSequenceHeader,
  TAG_AUDIO,
  TAG_VIDEO,
} from '../../../src/media/flv/tag.ts';
import { createProgrammeClock, type ProgrammeClock } from '../../../src/media/programme/clock.ts';
import { openOutput, type ProgrammeOutput } from '../../../src/media/programme/output/output.ts';
import { eventually } from '../../support/eventually.ts';
import { trackTimes } from '../../support/media-checks.ts';

const FIRST: VideoSpec = { width: 128, height: 96, fps: 30, bitrateKbps: 200, gopSeconds: 1 };
const SECOND: VideoSpec = { width: 64, height: 160, fps: 25, bitrateKbps: 200, gopSeconds: 1 };

let output: ProgrammeOutput | null = null;

afterEach(async () => {
  await output?.stop();
  output = null;
});

function openWatched(video: VideoSpec | null) {
  const tags: FlvTag[] = [];
  const events: MixEventBody[] = [];
  output = openOutput({
    encoders: { video: 'libx264', heAac: null },
    video,
    audio: { bitrateKbps: 64 },
    log: pino({ level: 'silent' }),
    onEvent: (event) => events.push(event),
    onTag: (tag) => tags.push(tag),
  });
  return { output, tags };
}

/** So many ticks at once: an encoder does not know what time it is. */
function feed(to: ProgrammeOutput, clock: ProgrammeClock, video: VideoSpec | null, ticks: number): void {
  for (let count = 0; count < ticks; count++) {
    const { frame, dueMs, firstSample, endSample } = clock.next();
    to.writeSound(firstSample, Buffer.alloc((endSample - firstSample) * 4));
    if (frame === null || !video) continue;
    const picture = Buffer.alloc((video.width * video.height * 3) / 2, frame % 200);
    to.writeFrame({ frame, dueMs, picture }, () => undefined);
  }
}

/** `m` with its width for metadata, `h` for a header, `K` or `p` for a frame. */
function outline(tags: readonly FlvTag[]): string[] {
  return tags
    .filter((tag) => tag.type !== TAG_AUDIO)
    .map((tag) => {
      if (scriptName(tag) === 'onMetaData') {
        return `m${(decodeAmf(tag.data)[1] as { width?: number }).width ?? ''}`;
      }
      if (isSequenceHeader(tag)) return 'h';
      return isKeyFrame(tag) ? 'K' : 'p';
    });
}

/** Waits for so many pictures and headers: many encoders at once take their time to start. */
async function untilVideoTags(on: ProgrammeOutput, tags: readonly FlvTag[], count: number): Promise<void> {
  await eventually(() => {
    on.check(performance.now());
    return tags.filter((tag) => tag.type === TAG_VIDEO).length >= count;
  });
}

/** The outline of one encoder's part. */
const part = (width: number, frames: number): string[] => [
  ...[`m${width}`, 'h', 'K'],
  ...Array(frames - 1).fill('p'),
];

test('another size begins behind the last frame of the one before, with its metadata, header and key frame', async () => {
  const { output: on, tags } = openWatched(FIRST);
  const clock = createProgrammeClock({ fps: FIRST.fps, startMs: 0 });
  feed(on, clock, FIRST, 20);
  on.prepareVideo(SECOND);
  feed(on, clock, FIRST, 5);
  on.switchVideo();
  clock.setFps(SECOND.fps);
  feed(on, clock, SECOND, 10);
  await untilVideoTags(on, tags, 35 + 2);
  await on.stop();

  expect(outline(tags)).toEqual([...part(128, 25), ...part(64, 10)]);
  const video = trackTimes(tags, TAG_VIDEO);
  expect(video).toMatchObject({ count: 35, wentBack: [] });
  // The last of the old grid is at 800 ms, the first of the new one at 840.
  expect(video.largestGapMs).toBeLessThanOrEqual(40);
  expect(tags.filter((tag) => tag.type === TAG_AUDIO && isSequenceHeader(tag))).toHaveLength(1);
  const sound = trackTimes(tags, TAG_AUDIO);
  expect(sound.wentBack).toEqual([]);
  expect(sound.largestGapMs).toBeLessThanOrEqual(22);
});

test('changes in quick succession leave no frame out and none of an encoder that was never used', async () => {
  const { output: on, tags } = openWatched(FIRST);
  const clock = createProgrammeClock({ fps: 30, startMs: 0 });
  feed(on, clock, FIRST, 10);
  for (const width of [64, 96, 160]) {
    const video = { ...FIRST, width };
    on.prepareVideo({ ...FIRST, width: 32 });
    on.prepareVideo(video);
    on.switchVideo();
    feed(on, clock, video, 5);
  }
  await untilVideoTags(on, tags, 25 + 4);
  await on.stop();
  expect(outline(tags)).toEqual([...part(128, 10), ...part(64, 5), ...part(96, 5), ...part(160, 5)]);
  expect(trackTimes(tags, TAG_VIDEO).largestGapMs).toBeLessThanOrEqual(34);
});

test('an encoder that is replaced before its first picture leaves no trace', async () => {
  const { output: on, tags } = openWatched(FIRST);
  const clock = createProgrammeClock({ fps: FIRST.fps, startMs: 0 });
  feed(on, clock, FIRST, 5);
  for (const width of [96, 160]) {
    on.prepareVideo({ ...FIRST, width });
    on.switchVideo();
  }
  feed(on, clock, { ...FIRST, width: 160 }, 5);
  await untilVideoTags(on, tags, 10 + 2);
  await on.stop();
  expect(outline(tags)).toEqual([...part(128, 5), ...part(160, 5)]);
  expect(trackTimes(tags, TAG_VIDEO).largestGapMs).toBeLessThanOrEqual(34);
});

test('pictures go on when the encoder is lost while another one gets ready', async () => {
  const { output: on, tags } = openWatched(FIRST);
  const clock = createProgrammeClock({ fps: FIRST.fps, startMs: 0 });
  feed(on, clock, FIRST, 5);
  await untilVideoTags(on, tags, 5 + 1);
  on.prepareVideo(SECOND);
  process.kill(on.pids[0] as number, 'SIGKILL');
  // What is fed before its exit is known goes down with it.
  await eventually(() => on.starts === 3);
  feed(on, clock, FIRST, 5);
  await untilVideoTags(on, tags, 10 + 1);
  on.switchVideo();
  clock.setFps(SECOND.fps);
  feed(on, clock, SECOND, 5);
  await untilVideoTags(on, tags, 15 + 2);
  await on.stop();
  expect(outline(tags)).toEqual([...part(128, 5), 'K', ...Array(4).fill('p'), ...part(64, 5)]);
});

test('an encoder that hangs when it is replaced is ended; the pictures behind it wait no longer', async () => {
  const { output: on, tags } = openWatched(FIRST);
  const clock = createProgrammeClock({ fps: FIRST.fps, startMs: 0 });
  feed(on, clock, FIRST, 5);
  await untilVideoTags(on, tags, 5 + 1);
  const hanging = on.pids[0] as number;
  process.kill(hanging, 'SIGSTOP');
  on.prepareVideo(SECOND);
  on.switchVideo();
  clock.setFps(SECOND.fps);
  feed(on, clock, SECOND, 5);
  expect(on.pids).toContain(hanging);
  await untilVideoTags(on, tags, 10 + 2);
  expect(on.pids).not.toContain(hanging);
  await on.stop();
  expect(outline(tags)).toEqual([...part(128, 5), ...part(64, 5)]);
});

test('without pictures the metadata names none', async () => {
  const { output: on, tags } = openWatched(null);
  feed(on, createProgrammeClock({ fps: null, startMs: 0 }), null, 50);
  await eventually(() => trackTimes(tags, TAG_AUDIO).count > 0);
  await on.stop();
  expect(tags.filter((tag) => tag.type === TAG_VIDEO)).toEqual([]);
  expect(scriptName(tags[0] as FlvTag)).toBe('onMetaData');
  expect(decodeAmf((tags[0] as FlvTag).data)[1]).toEqual({
    ...{ audiosamplerate: 48_000, audiosamplesize: 16, stereo: true, audiodatarate: 64, audiocodecid: 10 },
    encoder: 'roomcast',
  });
  expect(trackTimes(tags, TAG_AUDIO).lastMs).toBeGreaterThan(950);
});
