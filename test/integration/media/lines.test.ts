import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type LineReader, openLines } from '../../../src/media/ffmpeg/lines.ts';
import { startFfmpeg } from '../../../src/media/ffmpeg/process.ts';
import { eventually } from '../../support/eventually.ts';

const log = pino({ level: 'silent' });
const FRAME_BYTES = (320 * 180 * 3) / 2;
const FRAMES = 100;
const PICTURES = ['-f', 'lavfi', '-i', `testsrc2=s=320x180:r=25,trim=end_frame=${FRAMES}`];
const RAW = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p'];

/** Takes everything in pieces of an odd size; `digest` is of all that came. */
function collect(): LineReader & { bytes: number; digest(): string } {
  const room = Buffer.alloc(10_007);
  const hash = createHash('sha256');
  return {
    bytes: 0,
    room: () => room,
    took(count) {
      hash.update(room.subarray(0, count));
      this.bytes += count;
    },
    digest: () => hash.copy().digest('hex'),
  };
}

test('what a child writes comes whole and in order, on standard output and beside it', async () => {
  const [onStdout, beside] = [collect(), collect()];
  const [first, second] = await openLines([onStdout, beside]);
  if (!first || !second) throw new Error('two lines were asked for');
  const args = ['-v', 'error', ...PICTURES, ...RAW, 'pipe:1', ...RAW, 'pipe:3'];
  const child = startFfmpeg({ args, log, name: 'writer', stdin: 'ignore', stdout: first, lines: [second] });
  const whole = FRAMES * FRAME_BYTES;
  // Both pass through buffers that are much smaller than what is written.
  await eventually(() => onStdout.bytes === whole && beside.bytes === whole, 20_000);
  expect(onStdout.digest()).toBe(beside.digest());
  expect((await child.exited).outcome).toBe('finished');
});

test('a line leaves nothing behind in the file system, also where its folder has a long name', async () => {
  const before = process.env['TMPDIR'];
  const folder = await mkdtemp(path.join(tmpdir(), `roomcast-lines-${'x'.repeat(100)}`));
  process.env['TMPDIR'] = folder;
  try {
    const [line] = await openLines([collect()]);
    expect(await readdir(folder)).toEqual([]);
    line?.close();
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    await rm(folder, { recursive: true });
  }
});
