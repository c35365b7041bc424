import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  compositionTime,
  type FlvTag,
  isKeyFrame,
  isMedia,
  TAG_AUDIO,
  TAG_VIDEO,
} from '../../../src/media/flv/tag.ts';
import { finaliseRecording } from '../../../src/media/recording/finalise.ts';
import { Intake } from '../../../src/media/recording/intake.ts';
import { openJournal } from '../../../src/media/recording/journal.ts';
import { type FlvSpec, makeFlv, readFlv } from '../../support/clip.ts';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import { decodeErrors, pictureTimes, probe } from '../../support/media-checks.ts';

const log = pino({ level: 'silent' });
const TASK = 'task1';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-finalise-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** Journals tags as if each had arrived when it was due, `startMs` into the recording's wall clock. */
async function journalTags(tags: readonly FlvTag[], wallStartMs: number, userId = ''): Promise<void> {
  const journal = await openJournal({ dir, taskId: TASK, streamId: 's', userId, log, onError: failTest });
  const intake = new Intake({ start: journal.facts, onTag: (taken) => journal.append(taken, intake) });
  for (const tag of tags) intake.take(tag, { arrivalMs: wallStartMs + tag.timestamp, cached: false });
  await journal.close({ ended: true });
}

function failTest(error: Error): void {
  throw error;
}

/** Runs the body with that shell script (null: nothing) in the place of FFmpeg. */
async function withFfmpeg(script: string | null, body: () => Promise<void>): Promise<void> {
  const programs = await mkdtemp(path.join(tmpdir(), 'roomcast-bin-'));
  if (script !== null)
    await writeFile(path.join(programs, 'ffmpeg'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const systemPath = process.env['PATH'];
  process.env['PATH'] = programs;
  try {
    await body();
  } finally {
    process.env['PATH'] = systemPath;
    await rm(programs, { recursive: true });
  }
}

const count = (tags: readonly FlvTag[], type: number) =>
  tags.filter((tag) => tag.type === type && isMedia(tag)).length;

const CLIPS: readonly (Omit<FlvSpec, 'dir'> & { readonly says: string })[] = [
  { name: 'plain', says: 'a camera without B-frames', seconds: 6 },
  { name: 'bframes', says: 'B-frames and their composition offsets', seconds: 6, bFrames: 3, fps: 30 },
  { name: 'sound', says: 'sound alone', seconds: 6, video: false },
  { name: 'picture', says: 'a picture alone', seconds: 6, audio: false },
  { name: 'longgop', says: 'a key frame every 8 s', seconds: 20, gop: 200 },
];

describe('finishing a recording', () => {
  for (const clip of CLIPS) {
    it(`makes an MP4 of ${clip.says} that starts at 0, has every frame and decodes cleanly`, async () => {
      const source = await makeFlv({ ...clip, dir });
      const tags = await readFlv(source);
      await journalTags(tags, 1_000_000);

      const result = await finaliseRecording({ dir, taskId: TASK, log });

      expect(result).toMatchObject({ state: 'ready', error: null });
      expect(result.files).toHaveLength(1);
      const file = path.join(dir, `${TASK}.mp4`);
      const found = await probe(file);
      expect(found.startMs).toBe(0);
      expect(Math.abs(found.durationMs - clip.seconds * 1000)).toBeLessThan(100);
      expect(result.files[0]).toMatchObject({
        path: file,
        verdict: { playable: true, gaps: 0, secondsLost: 0 },
      });
      expect(Math.abs((result.files[0]?.durationMs ?? 0) - found.durationMs)).toBeLessThan(100);
      const frames = (codec: string) => found.streams.find((stream) => stream.codec === codec)?.frames ?? 0;
      // Sound before the first picture is left out.
      const firstKey = Math.max(0, tags.findIndex(isKeyFrame));
      expect(frames('h264')).toBe(count(tags, TAG_VIDEO));
      expect(frames('aac')).toBe(count(tags.slice(firstKey), TAG_AUDIO));
      expect(await decodeErrors(file)).toBe('');
      expect(await readdir(dir)).not.toContain('journal.flv');
    });
  }

  it('makes an MP4 of H.265 by enhanced RTMP, under the name that all players know', async () => {
    const picture = 'testsrc2=size=320x180:rate=30';
    const tags = await makeEnhancedClip({ codec: 'hvc1', picture, toneHz: 440, seconds: 6, bFrames: 3 });
    await journalTags(tags, 1_000_000);
    const result = await finaliseRecording({ dir, taskId: TASK, log });
    const file = path.join(dir, `${TASK}.mp4`);
    expect(result).toMatchObject({
      error: null,
      files: [{ path: file, verdict: { playable: true, gaps: 0 } }],
    });
    const found = await probe(file);
    expect(found.startMs).toBe(0);
    const firstKey = tags.findIndex(isKeyFrame);
    const frames = (codec: string) => found.streams.find((stream) => stream.codec === codec)?.frames ?? 0;
    expect(frames('hevc')).toBe(count(tags, TAG_VIDEO));
    expect(frames('aac')).toBe(count(tags.slice(firstKey), TAG_AUDIO));
    expect((await readFile(file)).includes('hvc1')).toBe(true);
    expect(await decodeErrors(file)).toBe('');
    const wanted = tags.flatMap((tag) =>
      tag.type === TAG_VIDEO && isMedia(tag) ? [tag.timestamp + compositionTime(tag)] : [],
    );
    const apart = (times: readonly number[]) => times.map((ms) => ms - (times[0] ?? 0));
    expect(apart(await pictureTimes(file))).toEqual(apart(wanted.sort((a, b) => a - b)));
  });

  it('keeps sound and picture as far apart as the source had them', async () => {
    const source = await makeFlv({ dir, name: 'late', seconds: 4, bFrames: 2 });
    const tags = await readFlv(source);
    const late = tags.map((tag) =>
      tag.type === TAG_AUDIO ? { ...tag, timestamp: tag.timestamp + 300 } : tag,
    );
    await journalTags(late, 1_000_000);
    await finaliseRecording({ dir, taskId: TASK, log });

    const before = await probe(source);
    const after = await probe(path.join(dir, `${TASK}.mp4`));
    const apart = (found: typeof before) => {
      const at = (codec: string) =>
        found.streams.find((stream) => stream.codec === codec)?.startMs ?? Number.NaN;
      return at('aac') - at('h264');
    };
    expect(Math.abs(apart(after) - apart(before) - 300)).toBeLessThan(15);
  });

  it('begins a new file where the picture changes its size', async () => {
    const small = await readFlv(await makeFlv({ dir, name: 'small', seconds: 3 }));
    const large = await readFlv(await makeFlv({ dir, name: 'large', seconds: 3, size: '640x360' }));
    const later = large.map((tag) => ({ ...tag, timestamp: tag.timestamp + 3000 }));
    await journalTags([...small, ...later], 1_000_000, 'anna');

    const result = await finaliseRecording({ dir, taskId: TASK, log });

    expect(result.files.map((file) => path.basename(file.path))).toEqual(['anna.mp4', 'anna-2.mp4']);
    const found = await Promise.all(result.files.map((file) => probe(file.path)));
    expect(found.map(({ streams }) => Math.max(...streams.map((s) => s.width)))).toEqual([320, 640]);
    for (const [index, file] of result.files.entries()) {
      expect(found[index]?.startMs).toBe(0);
      expect(Math.abs((found[index]?.durationMs ?? 0) - 3000)).toBeLessThan(100);
      expect(await decodeErrors(file.path)).toBe('');
    }
  });

  it('keeps the time a recording was away as a gap and goes on after it', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'twice', seconds: 3, bFrames: 2 }));
    await journalTags(tags, 1_000_000);
    await journalTags(tags, 1_010_000);

    const result = await finaliseRecording({ dir, taskId: TASK, log });

    expect(result.files).toHaveLength(1);
    expect(Math.abs((result.files[0]?.durationMs ?? 0) - 13_000)).toBeLessThan(150);
    expect(Math.abs(result.onAirMs - 13_000)).toBeLessThan(150);
    expect(result.files[0]?.verdict).toMatchObject({ playable: true, gaps: 1 });
    expect(Math.abs((result.files[0]?.verdict.secondsLost ?? 0) - 7)).toBeLessThan(0.2);
    expect(await decodeErrors(path.join(dir, `${TASK}.mp4`))).toBe('');
  });

  it('begins a new file behind a night away, which no MP4 of FFmpeg could hold', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'night', seconds: 2, bFrames: 2 }));
    await journalTags(tags, 1_000_000);
    await journalTags(tags, 1_000_000 + 13 * 3_600_000);

    const result = await finaliseRecording({ dir, taskId: TASK, log });

    expect(result.files).toHaveLength(2);
    for (const file of result.files) {
      const found = await probe(file.path);
      expect(found.startMs).toBe(0);
      expect(Math.abs(found.durationMs - 2000)).toBeLessThan(100);
      expect(found.streams.map(({ frames }) => frames)).toEqual([count(tags, TAG_VIDEO), expect.any(Number)]);
      expect(file.verdict.playable).toBe(true);
      expect(await decodeErrors(file.path)).toBe('');
    }
    expect(result.files.map(({ verdict }) => verdict.gaps)).toEqual([1, 0]);
  });

  it('gives the same answer when it runs again, and does not make the files twice', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'again', seconds: 2 }));
    await journalTags(tags, 1_000_000);
    const first = await finaliseRecording({ dir, taskId: TASK, log });
    expect(await finaliseRecording({ dir, taskId: TASK, log })).toEqual(first);
    expect((await readdir(dir)).filter((name) => name.endsWith('.mp4'))).toEqual([`${TASK}.mp4`]);
  });

  it('takes away what an interrupted run left behind', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'cut', seconds: 2 }));
    await journalTags(tags, 1_000_000);
    await writeFile(path.join(dir, `${TASK}.mp4`), 'half a file');
    await writeFile(path.join(dir, `${TASK}.mp4.part`), 'half a file');
    const result = await finaliseRecording({ dir, taskId: TASK, log });
    expect((await readdir(dir)).filter((name) => name.includes('.mp4'))).toEqual([`${TASK}.mp4`]);
    expect(result.files[0]?.verdict.playable).toBe(true);
  });

  it('knows the sample rate of sound that comes long after the picture, and where it belongs', async () => {
    // FFmpeg looks at 5 MB of its input; here the sound begins behind more than that.
    const picture = await readFlv(
      await makeFlv({ dir, name: 'large', seconds: 8, size: '1920x1080', audio: false, quality: 10 }),
    );
    const bytes = picture.reduce((sum, tag) => sum + tag.data.length, 0);
    expect(bytes).toBeGreaterThan(8_000_000);
    const sound = await readFlv(await makeFlv({ dir, name: 'tone', seconds: 2, video: false }));
    const late = sound.filter((tag) => tag.type === TAG_AUDIO);
    const all = [...picture, ...late.map((tag) => ({ ...tag, timestamp: tag.timestamp + 6000 }))];
    await journalTags(
      all.sort((a, b) => a.timestamp - b.timestamp),
      1_000_000,
    );

    const result = await finaliseRecording({ dir, taskId: TASK, log });

    const file = path.join(dir, `${TASK}.mp4`);
    expect(result.files[0]?.verdict.playable).toBe(true);
    const aac = (await probe(file)).streams.find((stream) => stream.codec === 'aac');
    expect(aac).toMatchObject({ frames: count(late, TAG_AUDIO), timeBase: '1/48000' });
    expect(Math.abs((aac?.startMs ?? 0) - 6000)).toBeLessThan(60);
    expect(await decodeErrors(file)).toBe('');
  });

  it('stops at once when told to, leaves nothing half made, and does all of it the next time', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'stopped', seconds: 2 }));
    await journalTags(tags, 1_000_000);
    const before = await readdir(dir);
    // One that reads nothing and never ends.
    await withFfmpeg('for last; do :; done\n: > "$last"\nexec /bin/sleep 600', async () => {
      const controller = new AbortController();
      const stopped = finaliseRecording({ dir, taskId: TASK, log, signal: controller.signal });
      const ended = expect(stopped).rejects.toBe('stopped');
      await eventually(async () => (await readdir(dir)).includes(`${TASK}.mp4.part`), 30_000, 2);
      controller.abort('stopped');
      await ended;
    });
    expect(await readdir(dir)).toEqual(before);
    expect((await finaliseRecording({ dir, taskId: TASK, log })).files[0]?.verdict.playable).toBe(true);
  });

  it('keeps the journal, and no half a file, when FFmpeg fails or is missing', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'fails', seconds: 2 }));
    await journalTags(tags, 1_000_000);
    const before = await readdir(dir);
    const codes = { 'tool-missing': null, 'child-failed': 'read line\nexit 1' };
    for (const [code, script] of Object.entries(codes)) {
      await withFfmpeg(script, async () => {
        await expect(finaliseRecording({ dir, taskId: TASK, log })).rejects.toMatchObject({ code });
      });
      expect(await readdir(dir)).toEqual(before);
    }
    expect((await finaliseRecording({ dir, taskId: TASK, log })).files[0]?.verdict.playable).toBe(true);
  });

  it('gives no clean verdict on what was read back differently from how it was written', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'rotten', seconds: 2 }));
    await journalTags(tags, 1_000_000);
    const journal = path.join(dir, 'journal.flv');
    const bytes = await readFile(journal);
    // Within a frame: the tags around it are whole and every frame is found.
    const at = Math.floor(bytes.length / 2) + 1;
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    await writeFile(journal, bytes);

    const result = await finaliseRecording({ dir, taskId: TASK, log });

    expect(result.files[0]?.verdict.playable).toBe(false);
    expect(result.error).toContain('not what was recorded');
    expect(await readdir(dir)).toContain('journal.flv.kept');
  });

  it('says so when nothing was ever on the air', async () => {
    await journalTags([], 1_000_000);
    const result = await finaliseRecording({ dir, taskId: TASK, log });
    expect(result.state).toBe('failed');
    expect(result.error).toContain('nothing was recorded');
  });
});
