import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cardColor } from '../../../src/media/preview/test-card.ts';
import { makeTestDir, runCli, testEnv } from '../../support/roomcast.ts';

const run = promisify(execFile);
const WHITE = [255, 255, 255];

type Rgb = readonly number[];
interface Box {
  readonly userId: string | null;
  readonly stream: string | null;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
interface Drawn {
  readonly boxes: readonly Box[];
  readonly size: string;
  at(x: number, y: number): Rgb;
}

let dir: string;
let server: Server;

beforeAll(async () => {
  dir = await makeTestDir('layout');
  const yellow = path.join(dir, 'yellow.png');
  await run('ffmpeg', [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    'color=c=yellow:s=64x64',
    '-frames:v',
    '1',
    yellow,
  ]);
  const { stdout } = await run('cat', [yellow], { encoding: 'buffer' });
  server = createServer((_request, response) => response.setHeader('content-type', 'image/png').end(stdout));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.close();
});

const pictureUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/yellow.png`;

/** Runs the command and reads its PNG back. */
async function draw(...args: string[]): Promise<Drawn> {
  const file = path.join(dir, '-a%d picture.png');
  const env = { ...testEnv(dir), ROOMCAST_PICTURE_NETWORKS: '127.0.0.0/8' };
  const { code, stdout, stderr } = await runCli(['layout', ...args, '--out', file, '--json'], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const told = JSON.parse(stdout);
  expect(told.file).toBe(file);
  const [{ stdout: rgb }, { stdout: size }] = await Promise.all([
    run(
      'ffmpeg',
      ['-v', 'error', '-f', 'png_pipe', '-i', `file:${file}`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
      {
        encoding: 'buffer',
        maxBuffer: 64 * 1024 * 1024,
      },
    ),
    run('ffprobe', [
      ...['-v', 'error', '-f', 'png_pipe', '-show_entries', 'stream=width,height'],
      ...['-of', 'csv=p=0', `file:${file}`],
    ]),
  ]);
  const at = (x: number, y: number): Rgb => [...rgb.subarray((y * told.width + x) * 3).subarray(0, 3)];
  return { boxes: told.boxes, size: size.trim(), at };
}

function rgbOf(color: string): Rgb {
  return [1, 3, 5].map((from) => Number.parseInt(color.slice(from, from + 2), 16));
}

function expectColor(found: Rgb, wanted: Rgb): void {
  for (const [index, value] of found.entries())
    expect(Math.abs(value - (wanted[index] ?? 0))).toBeLessThan(24);
}

/** A point of the card's ground: between its circle and the middle of its side, where no text is. */
function ground(drawn: Drawn, { x, y, width, height }: Box): Rgb {
  return drawn.at(x + Math.round(width / 2), y + Math.round(height * 0.25));
}

const boxOf = (drawn: Drawn, userId: string, stream = 'main'): Box => {
  const box = drawn.boxes.find((one) => one.userId === userId && one.stream === stream);
  if (!box) throw new Error(`${userId} has no box`);
  return box;
};

describe('roomcast layout', () => {
  it('draws each user in its box, in its colour', async () => {
    const drawn = await draw('--layout', 'grid', '--users', '9', '--size', '960x540');
    expect(drawn.size).toBe('960,540');
    expect(drawn.boxes).toHaveLength(9);
    for (const [index, box] of drawn.boxes.entries()) {
      expect(box).toMatchObject({ userId: `user${index + 1}`, width: 320, height: 180 });
      expectColor(ground(drawn, box), rgbOf(cardColor(index)));
    }
  });

  it('shows what is cut: wide cameras keep their frame, upright ones lose it above and below', async () => {
    const drawn = await draw('--layout', 'floating', '--users', '5');
    const [big, old, upright, wide] = ['user1', 'user2', 'user3', 'user4'].map((user) => boxOf(drawn, user));
    if (!big || !old || !upright || !wide) throw new Error('not all are shown');
    const top = (box: Box): Rgb => drawn.at(box.x + Math.round(box.width / 8), box.y + 1);
    const left = (box: Box): Rgb => drawn.at(box.x + 1, box.y + Math.round(box.height / 2));
    for (const box of [big, wide]) expectColor(top(box), WHITE);
    for (const box of [big, old, upright]) expectColor(left(box), WHITE);
    expectColor(top(upright), rgbOf(cardColor(2)));
    expectColor(top(old), rgbOf(cardColor(1)));
  });

  it('shows a shared screen whole, at the side that is asked for', async () => {
    const args = ['--layout', 'share', '--main', 'ann', '--main-side', 'right', '--screen', '--users', '3'];
    const drawn = await draw(...args);
    expect(drawn.boxes[0]).toMatchObject({ userId: 'ann', stream: 'aux', x: 256, width: 1024, height: 720 });
    expect(drawn.boxes.map((box) => box.userId)).toEqual(['ann', 'ann', 'user1', 'user2']);
    // 1920x1080 in 1024x720: black above and below.
    expectColor(drawn.at(768, 20), [0, 0, 0]);
    expectColor(drawn.at(768, 700), [0, 0, 0]);
  });

  it('draws custom cells with crop and opacity, background, placeholder and watermarks', async () => {
    const file = path.join(dir, 'programme.json');
    const url = pictureUrl();
    const cells = [
      { x: 0, y: 0, width: 320, height: 180, source: { userId: 'ann', stream: 'main', room: 5 }, opacity: 0 },
      { x: 320, y: 0, width: 320, height: 180, crop: { x: 0, y: 0, width: 4, height: 4 } },
      { x: 0, y: 180, width: 320, height: 180, source: { userId: 'bob', stream: 'main' }, placeholder: url },
    ];
    const logo = { type: 'picture', url, x: 600, y: 320, width: 40, height: 40 };
    const programme = {
      layout: { mode: 'custom', cells },
      video: { width: 640, height: 360 },
      background: '#204060',
      watermarks: [logo],
    };
    await writeFile(file, JSON.stringify(programme));
    const drawn = await draw('--programme', file);
    expect(drawn.boxes.map((box) => box.userId)).toEqual(['ann', 'user1', 'bob']);
    expectColor(ground(drawn, boxOf(drawn, 'ann')), rgbOf('#204060'));
    // Four pixels of the corner: nothing but the frame.
    expectColor(ground(drawn, boxOf(drawn, 'user1')), WHITE);
    expectColor(drawn.at(620, 340), [255, 255, 0]);
    expectColor(drawn.at(400, 300), rgbOf('#204060'));
  });

  it('draws 25 users of a recording', async () => {
    const file = path.join(dir, 'many.json');
    await writeFile(file, '{"maxInputs":25}');
    const drawn = await draw('--programme', file, '--users', '25');
    expect(drawn.boxes).toHaveLength(25);
    expectColor(ground(drawn, boxOf(drawn, 'user25')), rgbOf(cardColor(24)));
  });

  it('says which picture is not shown, and draws the rest', async () => {
    const file = path.join(dir, 'away.png');
    const args = [
      'layout',
      '--users',
      '1',
      '--background',
      'http://127.0.0.1:1/x.png?ticket=secret',
      '--out',
      file,
    ];
    const { code, stdout, stderr } = await runCli(args, testEnv(dir));
    expect(code).toBe(0);
    expect(stderr).toMatch(/127\.0\.0\.1:1\/x\.png is not shown: /);
    expect(stderr).not.toContain('secret');
    expect(stdout).toContain('user1');
  });

  it.each<[string[], RegExp]>([
    [['--users', '0'], /--users/],
    [['--layout', 'circle'], /grid, floating or share/],
    [['--size', '641x360'], /even/],
    [['--placeholder', 'file:///etc/passwd'], /http/],
  ])('refuses %j as wrong usage', async (args, message) => {
    const { code, stderr } = await runCli(['layout', ...args], testEnv(dir));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('fails in one sentence where it may not write', async () => {
    const { code, stderr } = await runCli(['layout', '--out', '/nonexistent/a.png'], testEnv(dir));
    expect(code).toBe(1);
    expect(stderr).toMatch(/\/nonexistent\/a\.png cannot be written/);
  });
});
