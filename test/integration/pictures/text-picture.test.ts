import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Picture } from '../../../src/media/canvas/picture.ts';
import { createPictureLoader } from '../../../src/media/pictures/picture-loader.ts';

const SIZE = { width: 480, height: 96 };
const LINE = 32;

const loader = createPictureLoader({ networks: [], log: pino({ level: 'silent' }), nice: 0 });
const signal = new AbortController().signal;

const folderBefore = process.env['TMPDIR'];
let folder: string;

beforeAll(() => {
  // With all that an option of a filter has to be told about.
  folder = mkdtempSync(path.join(tmpdir(), "roomcast-it's [a:b],c;\\d "));
  process.env['TMPDIR'] = folder;
});

afterAll(() => {
  if (folderBefore === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = folderBefore;
  expect(readdirSync(folder)).toEqual([]);
  rmdirSync(folder);
});

/** Where there is something of the text. */
interface Ink {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** The covered part, row by row. */
  readonly look: string;
  readonly covers: Uint8Array;
}

function inkOf({ width, height, alpha }: Picture): Ink {
  const covers = alpha?.luma ?? new Uint8Array(width * height).fill(255);
  const [columns, rows] = [new Set<number>(), new Set<number>()];
  for (const [at, value] of covers.entries()) {
    if (value < 16) continue;
    columns.add(at % width);
    rows.add(Math.floor(at / width));
  }
  const [left, right] = [Math.min(...columns), Math.max(...columns)];
  const [top, bottom] = [Math.min(...rows), Math.max(...rows)];
  const look = Array.from({ length: Math.max(0, bottom - top + 1) }, (_, row) =>
    covers.subarray((top + row) * width + left, (top + row) * width + right + 1).join(),
  ).join('\n');
  return { left, right, top, bottom, look, covers };
}

async function draw(text: string, part: Partial<typeof SIZE> = {}): Promise<Ink> {
  const look = { text, fontSize: LINE, color: '#ffffff' };
  return inkOf(await loader.load({ type: 'text', ...SIZE, ...part, ...look }, signal));
}

const width = ({ left, right }: Ink): number => right - left + 1;

/** Columns within the text where nothing is. */
function gaps({ covers, left, right }: Ink): number {
  let empty = 0;
  for (let column = left; column <= right; column++) {
    let isEmpty = true;
    for (let row = 0; row < SIZE.height; row++)
      if ((covers[row * SIZE.width + column] ?? 0) >= 16) isEmpty = false;
    if (isEmpty) empty += 1;
  }
  return empty;
}

test.each([
  ['Latin', 'ß', 'ő'],
  ['Cyrillic', 'Я', 'Ж'],
  ['Greek', 'Ω', 'ψ'],
  ['Arabic', 'ع', 'ك'],
  ['Hebrew', 'ש', 'ל'],
  ['Devanagari', 'क', 'म'],
  ['Thai', 'ก', 'ม'],
  ['Chinese', '中', '国'],
  ['traditional Chinese', '臺', '灣'],
  ['Japanese', 'あ', 'テ'],
  ['Korean', '한', '글'],
  ['Georgian', 'ვ', 'თ'],
  ['Tamil', 'த', 'ழ'],
  ['Ethiopic', 'ኢ', 'ጵ'],
  ['an emoji', '😀', '🎉'],
  ['a younger emoji', '🤔', '🧋'],
])('%s characters have pictures of their own, within the box', async (_script, one, other) => {
  // A code point of nobody shows the sign for a character that no font has.
  const [first, second, missing] = await Promise.all([draw(one), draw(other), draw('\u0378')]);
  for (const ink of [first, second, missing]) {
    expect(ink.look.length).toBeGreaterThan(20);
    expect(ink.bottom).toBeLessThan(LINE * 1.5);
    expect(ink.right).toBeLessThan(LINE * 1.5);
  }
  expect(new Set([first.look, second.look, missing.look]).size).toBe(3);
});

test('Hebrew runs from right to left, beside Latin too', async () => {
  const [both, lamed] = await Promise.all([draw('של'), draw('ל')]);
  // The second letter stands at the left.
  const leftmost = both.covers.map((value, at) =>
    at % SIZE.width > both.left + width(lamed) - 1 ? 0 : value,
  );
  const picture = { ...SIZE, data: Buffer.alloc(0), id: 0, ptsMs: 0 };
  expect(inkOf({ ...picture, alpha: { luma: leftmost, chroma: leftmost } }).look).toBe(lamed.look);
});

test('Arabic letters are joined and Devanagari ones put together', async () => {
  const [joined, apart] = await Promise.all([draw('ععع'), draw('ع\u200cع\u200cع')]);
  expect(gaps(joined)).toBe(0);
  expect(gaps(apart)).toBeGreaterThan(0);
  const [ligature, letters] = await Promise.all([draw('क्ष'), draw('कष')]);
  expect(width(ligature)).toBeLessThan(width(letters) * 0.9);
});

test('text is wrapped at its box, with spaces or without', async () => {
  for (const text of ['wrapped between its words', '在框内换行否则就会被切掉', 'ข้อความภาษาไทยที่ยาวมาก']) {
    const one = await draw(text);
    const ink = await draw(text, { width: 160, height: 192 });
    expect(width(one)).toBeGreaterThan(160);
    expect(one.bottom).toBeLessThan(LINE * 1.5);
    // Nothing is lost at the side, and there are more lines.
    expect(ink.right).toBeLessThan(160);
    expect(ink.bottom).toBeGreaterThan(LINE * 1.5);
  }
});

test('what does not fit is cut, and a line break is one', async () => {
  const long = await draw('W'.repeat(100));
  expect(long.bottom).toBeLessThan(LINE * 1.5);
  expect(long.right).toBe(SIZE.width - 1);
  const [two, one] = await Promise.all([draw('a\r\nb'), draw('a')]);
  expect(two.bottom - one.bottom).toBeGreaterThan(LINE / 2);
  expect(width(two)).toBeLessThan(LINE);
});

test('markup is text', async () => {
  const [plain, bold, braces, newline, half] = await Promise.all(
    ['x', '{\\b1}x', '{}x', 'a\\Nb', '{x'].map((text) => draw(text)),
  );
  if (!plain || !bold || !braces || !newline || !half) throw new Error('not drawn');
  expect(width(bold)).toBeGreaterThan(width(plain) * 3);
  expect(width(braces)).toBeGreaterThan(width(plain) * 1.5);
  expect(width(half)).toBeGreaterThan(width(plain));
  expect(newline.bottom).toBeLessThan(LINE * 1.5);
  expect(width(newline)).toBeGreaterThan(width(plain) * 3);
  // It goes into a file line by line: nobody writes a second event into it.
  const event = await draw('a\nDialogue: 0,0:00:00.00,1:00:00.00,text,{\\pos(200,50)}XXX');
  expect(event.left).toBeLessThan(LINE);
});

test('a background fills the whole box, in its own alpha', async () => {
  const look = { text: 'x', fontSize: LINE, color: '#ffffff', background: '#ff000080' };
  const { alpha } = await loader.load({ type: 'text', ...SIZE, ...look }, signal);
  expect(Math.min(...(alpha?.luma ?? []))).toBe(128);
  expect(Math.max(...(alpha?.luma ?? []))).toBe(255);
});
