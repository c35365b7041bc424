import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../../../src/media/flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../../../../src/media/flv/writer.ts';
import {
  FLV_FILE_HEADER_BYTES,
  readJournalTags,
  repairJournal,
  scanTags,
} from '../../../../src/media/recording/repair.ts';
import { seededRandom } from '../../../support/random.ts';

function randomTags(next: () => number, count: number): FlvTag[] {
  return Array.from({ length: count }, (_none, index) => ({
    type: next() < 0.5 ? TAG_AUDIO : TAG_VIDEO,
    timestamp: index * 20,
    // Bytes that look like tags inside tags.
    data: Buffer.from(Array.from({ length: Math.floor(next() * 300) }, () => Math.floor(next() * 20))),
  }));
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-repair-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('repairing a journal', () => {
  it('finds exactly the whole tags of any truncation', () => {
    const next = seededRandom(7);
    const tags = randomTags(next, 60);
    const bytes = Buffer.concat(tags.map(encodeFlvTag));
    const ends: number[] = [];
    for (const tag of tags) ends.push((ends.at(-1) ?? 0) + encodeFlvTag(tag).length);
    for (let round = 0; round < 500; round += 1) {
      const cut = Math.floor(next() * (bytes.length + 1));
      const found: FlvTag[] = [];
      const { usedBytes } = scanTags(bytes.subarray(0, cut), (tag) => found.push(tag));
      const whole = ends.filter((end) => end <= cut).length;
      expect(Buffer.concat(found.map(encodeFlvTag)).equals(bytes.subarray(0, ends[whole - 1] ?? 0))).toBe(
        true,
      );
      expect(found).toHaveLength(whole);
      expect(usedBytes).toBe(ends[whole - 1] ?? 0);
    }
  });

  it('cuts a file at its last whole tag, so that appending goes on with a tag', async () => {
    const next = seededRandom(11);
    const tags = randomTags(next, 40);
    for (let round = 0; round < 20; round += 1) {
      const whole = Buffer.concat([flvHeader(), ...tags.map(encodeFlvTag)]);
      const cut = FLV_FILE_HEADER_BYTES + Math.floor(next() * (whole.length - FLV_FILE_HEADER_BYTES));
      const file = path.join(dir, `cut-${round}.flv`);
      await writeFile(file, whole.subarray(0, cut));
      const end = await repairJournal(file);
      const kept = await readFile(file);
      expect(kept.equals(whole.subarray(0, end.wholeBytes))).toBe(true);
      expect(end.cutBytes).toBe(cut - end.wholeBytes);

      await appendFile(file, encodeFlvTag({ type: TAG_AUDIO, timestamp: 9999, data: Buffer.from([1]) }));
      const timestamps: number[] = [];
      for await (const batch of readJournalTags(file))
        timestamps.push(...batch.map(({ tag }) => tag.timestamp));
      expect(timestamps.at(-1)).toBe(9999);
      expect(timestamps.slice(0, -1)).toEqual(
        tags.slice(0, timestamps.length - 1).map((tag) => tag.timestamp),
      );
    }
  });

  it('cuts off zeros that a loss of power left where data should be', async () => {
    const tags = randomTags(seededRandom(3), 10);
    const whole = Buffer.concat([flvHeader(), ...tags.map(encodeFlvTag)]);
    const file = path.join(dir, 'zeros.flv');
    await writeFile(file, Buffer.concat([whole, Buffer.alloc(4096)]));
    expect(await repairJournal(file)).toMatchObject({ wholeBytes: whole.length, cutBytes: 4096 });
    const half = Buffer.concat([whole, encodeFlvTag(tags[0] ?? raise()).subarray(0, 15), Buffer.alloc(4096)]);
    await writeFile(file, half);
    expect((await repairJournal(file)).wholeBytes).toBe(whole.length);
  });

  it('reads all of a file whose known place is no tag after all', async () => {
    const tags = randomTags(seededRandom(5), 10);
    const whole = Buffer.concat([flvHeader(), ...tags.map(encodeFlvTag)]);
    const file = path.join(dir, 'wrong-place.flv');
    await writeFile(file, whole);
    expect((await repairJournal(file, FLV_FILE_HEADER_BYTES + 3)).wholeBytes).toBe(whole.length);
  });

  it('reads tags across the borders of its batches', async () => {
    const data = Buffer.alloc(300_000, 5);
    const tags = Array.from({ length: 12 }, (_none, i): FlvTag => ({ type: TAG_VIDEO, timestamp: i, data }));
    const file = path.join(dir, 'large.flv');
    await writeFile(file, Buffer.concat([flvHeader(), ...tags.map(encodeFlvTag)]));
    const timestamps: number[] = [];
    for await (const batch of readJournalTags(file))
      timestamps.push(...batch.map(({ tag }) => tag.timestamp));
    expect(timestamps).toEqual(tags.map((tag) => tag.timestamp));
  });
});

function raise(): never {
  throw new Error('no such tag');
}
