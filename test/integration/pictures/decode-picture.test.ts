import { deflateSync } from 'node:zlib';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/domain/errors.ts';
import type { RenderMode } from '../../../src/domain/layout/spec.ts';
import { parseColor } from '../../../src/media/canvas/canvas.ts';
import type { Picture } from '../../../src/media/canvas/picture.ts';
import { decodePicture } from '../../../src/media/pictures/decode-picture.ts';
import { withoutPackedChunks } from '../../../src/media/pictures/png-chunks.ts';
import { makePicture, PNG } from '../../support/picture-server.ts';
import { descendants } from '../../support/process-tree.ts';

const log = pino({ level: 'silent' });

interface Wanted {
  readonly width?: number;
  readonly height?: number;
  readonly renderMode?: RenderMode;
  readonly signal?: AbortSignal;
}

const decode = (file: Buffer, { width = 64, height = 36, renderMode = 'stretch', ...rest }: Wanted = {}) =>
  decodePicture(file, {
    width,
    height,
    renderMode,
    log,
    nice: 0,
    signal: new AbortController().signal,
    ...rest,
  });

/** Y, U, V and alpha at a pixel. */
function at({ width, height, data, alpha }: Picture, x: number, y: number): number[] {
  const luma = width * height;
  const chroma = Math.floor(y / 2) * (width / 2) + Math.floor(x / 2);
  const pixel = y * width + x;
  const yuv = [data[pixel], data[luma + chroma], data[luma + luma / 4 + chroma]];
  return [...yuv, alpha ? alpha.luma[pixel] : 255].map((value) => value ?? Number.NaN);
}

function isNear(found: readonly number[], color: string, alpha = 255, within = 3): boolean {
  const { y, u, v } = parseColor(color);
  return [y, u, v, alpha].every((value, index) => Math.abs(value - (found[index] ?? Number.NaN)) <= within);
}

const HALVES = 'color=red:s=128x72,drawbox=64:0:64:72:blue:fill';

test.each<readonly [string, readonly string[]]>([
  ['png', PNG],
  ['jpg', ['-c:v', 'mjpeg', '-q:v', '1', '-pix_fmt', 'yuvj444p', '-f', 'image2pipe']],
  ['bmp', ['-c:v', 'bmp', '-f', 'image2pipe']],
  ['gif', ['-f', 'gif']],
  ['webp', ['-c:v', 'libwebp', '-quality', '100', '-f', 'webp']],
])('a %s is decoded into the colours of the programme', async (_format, encoding) => {
  const picture = await decode(await makePicture(HALVES, encoding));
  expect(picture.alpha).toBeNull();
  expect(isNear(at(picture, 10, 20), '#ff0000', 255, 6)).toBe(true);
  expect(isNear(at(picture, 50, 20), '#0000ff', 255, 6)).toBe(true);
});

test('of a gif the first frame is shown', async () => {
  const film = 'color=lime:s=64x36:r=2:d=1[a];color=red:s=64x36:r=2:d=1[b];[a][b]concat';
  expect(isNear(at(await decode(await makePicture(film, ['-f', 'gif'], 4)), 9, 9), '#00ff00', 255, 6)).toBe(
    true,
  );
});

const GLASS = 'color=red:s=128x72,format=rgba,geq=r=255:g=0:b=0:a=if(lt(X\\,64)\\,0\\,128)';

test.each<readonly [string, readonly string[]]>([
  ['png', [...PNG, '-pix_fmt', 'rgba']],
  ['webp', ['-c:v', 'libwebp', '-lossless', '1', '-pix_fmt', 'bgra', '-f', 'webp']],
])('the alpha of a %s is kept, and what is transparent has no colour', async (_format, encoding) => {
  const picture = await decode(await makePicture(GLASS, encoding));
  expect(at(picture, 10, 20)).toEqual([16, 128, 128, 0]);
  const { y, u, v } = parseColor('#ff0000');
  const half = [16 + (y - 16) / 2, 128 + (u - 128) / 2, 128 + (v - 128) / 2, 128];
  for (const [index, value] of at(picture, 50, 20).entries()) {
    expect(Math.abs(value - (half[index] ?? 0))).toBeLessThanOrEqual(2);
  }
});

test.each<readonly [RenderMode, string, string]>([
  ['stretch', '#ff0000', '#0000ff'],
  // Of a picture of 2:1 in a square the sides are cut, or rows are left over.
  ['crop', '#ff0000', '#0000ff'],
  ['fit', '#000000', '#000000'],
])('%s gives a picture of the whole size', async (renderMode, left, right) => {
  const wide = 'color=red:s=128x64,drawbox=64:0:64:64:blue:fill';
  const picture = await decode(await makePicture(wide, PNG), { width: 64, height: 64, renderMode });
  expect(isNear(at(picture, 4, 4), left)).toBe(true);
  expect(isNear(at(picture, 60, 4), right)).toBe(true);
  expect(isNear(at(picture, 20, 32), '#ff0000')).toBe(true);
  expect(picture.alpha).toBeNull();
});

test('fitted on the background its margins are transparent', async () => {
  const wanted = { width: 64, height: 64, renderMode: 'fit-background' } as const;
  const picture = await decode(await makePicture('color=red:s=128x64', PNG), wanted);
  expect(at(picture, 4, 4)).toEqual([16, 128, 128, 0]);
  expect(isNear(at(picture, 4, 32), '#ff0000')).toBe(true);
});

test('a photograph is turned as its camera says', async () => {
  const jpg = ['-c:v', 'mjpeg', '-q:v', '1', '-pix_fmt', 'yuvj444p', '-f', 'image2pipe'];
  const lying = await makePicture('color=red:s=128x64,drawbox=64:0:64:64:blue:fill', jpg);
  // Orientation 6: to be turned by a quarter to the right, so that the left side is above.
  const exif = Buffer.from(
    'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0',
    'latin1',
  );
  const length = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
  const turned = Buffer.concat([lying.subarray(0, 2), length, exif, lying.subarray(2)]);
  const picture = await decode(turned, { width: 64, height: 128 });
  expect(isNear(at(picture, 32, 20), '#ff0000', 255, 6)).toBe(true);
  expect(isNear(at(picture, 32, 100), '#0000ff', 255, 6)).toBe(true);
});

async function failureOf(file: Buffer, wanted?: Wanted): Promise<string> {
  const error = await decode(file, wanted).then(
    () => new Error('it was decoded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GatewayError)) throw error;
  return error.message;
}

test.each([
  ['a web page', '<!doctype html><title>404</title>'],
  ['an SVG', '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/></svg>'],
  ['an HLS playlist', '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n'],
  ['a concat script', 'ffconcat version 1.0\nfile /etc/passwd\n'],
  ['nothing', ''],
  ['a BMP in its first letters', 'BM is no picture'],
])('%s is no picture, and FFmpeg does not see it', async (_what, text) => {
  expect(await failureOf(Buffer.from(text))).toBe('not a png, jpg, bmp, gif or webp');
});

test.each([
  ['a playlist behind the first bytes of a png', '\x89PNG\r\n\x1a\n#EXTM3U\nfile:///etc/passwd\n'],
  ['a playlist behind the first bytes of a gif', 'GIF89a#EXTM3U\nfile:///etc/passwd\n'],
  ['a script behind the first bytes of a jpg', '\xff\xd8\xffffconcat version 1.0\nfile /etc/passwd\n'],
])('%s is not decoded', async (_what, text) => {
  expect(await failureOf(Buffer.from(text, 'latin1'))).toBe('it cannot be decoded');
});

test('a small file of a huge picture is refused, a cut one too', async () => {
  const huge = await makePicture('color=white:s=12000x12000', PNG);
  expect(huge.length).toBeLessThan(5 * 1024 * 1024);
  expect(await failureOf(huge)).toBe('it cannot be decoded');
  const cut = (await makePicture('testsrc2=s=640x360', PNG)).subarray(0, 200);
  expect(await failureOf(cut)).toBe('it cannot be decoded');
});

/** A png whose chunk of this type, right behind its head, unpacks to 100 MB. */
async function withBomb(type: string): Promise<Buffer> {
  const png = await makePicture('color=red:s=64x36', PNG);
  const packed = Buffer.concat([Buffer.from('a\0\0'), deflateSync(Buffer.alloc(100 * 1024 ** 2, 'x'))]);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(packed.length);
  head.write(type, 4, 'latin1');
  const headEnd = 8 + 25;
  // FFmpeg does not look at checksums.
  const bomb = Buffer.concat([head, packed, Buffer.alloc(4)]);
  return Buffer.concat([png.subarray(0, headEnd), bomb, png.subarray(headEnd)]);
}

test.each(['zTXt', 'iTXt', 'iCCP'])('%s in a png is left out: it could unpack to gigabytes', async (type) => {
  const file = await withBomb(type);
  const given = withoutPackedChunks(file);
  expect(given).toEqual(await makePicture('color=red:s=64x36', PNG));
  expect(isNear(at(await decode(file), 10, 20), '#ff0000')).toBe(true);
});

test('what stands behind the end of a png is not given to FFmpeg, nor a chunk that is longer than the file', async () => {
  const png = await makePicture('color=red:s=64x36', PNG);
  expect(withoutPackedChunks(Buffer.concat([png, await withBomb('zTXt')]))).toEqual(png);
  const lying = Buffer.from(png);
  lying.writeUInt32BE(0xffff_ffff, 8 + 25);
  expect(withoutPackedChunks(lying)).toEqual(png.subarray(0, 8 + 25));
  expect(await failureOf(lying)).toBe('it cannot be decoded');
});

test('2K is taken', async () => {
  const picture = await decode(await makePicture('color=red:s=2560x2560', PNG));
  expect(isNear(at(picture, 10, 20), '#ff0000')).toBe(true);
});

test('one that is wanted no longer ends its child', async () => {
  const ending = new AbortController();
  const decoding = failureOf(await makePicture('testsrc2=s=2500x2500', PNG), { signal: ending.signal });
  ending.abort();
  expect(await decoding).toBe('it cannot be decoded');
  expect(descendants(process.pid).filter(({ command }) => command.startsWith('ffmpeg'))).toEqual([]);
});
