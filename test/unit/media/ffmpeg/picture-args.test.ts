import { expect, test } from 'vitest';
import { pictureArgs, textArgs } from '../../../../src/media/ffmpeg/picture-args.ts';

const SCALE = 'flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=bt709:out_range=tv';
const PICTURE = { format: 'png', width: 320, height: 180 } as const;

const filtersOf = (args: readonly string[]) => args[args.indexOf('-filter:v') + 1];

test('a picture is read from stdin by its one demuxer and decoder, which open nothing else', () => {
  expect(pictureArgs({ ...PICTURE, renderMode: 'stretch' })).toEqual([
    ...'-hide_banner -nostats -loglevel error'.split(' '),
    ...'-protocol_whitelist pipe -format_whitelist png_pipe -codec_whitelist png'.split(' '),
    ...'-max_pixels 6553600 -max_alloc 134217728 -threads 1 -f png_pipe -c:v png -i pipe:0'.split(' '),
    ...'-map 0:v:0 -frames:v 1 -filter_threads 1 -filter:v'.split(' '),
    `format=gbrap,premultiply=inplace=1,scale=320:180:${SCALE},format=yuva420p`,
    ...'-c:v rawvideo -threads 1 -f rawvideo pipe:1'.split(' '),
  ]);
});

test.each([
  ['crop', 'increase', 'crop=320:180'],
  ['fit', 'decrease', 'pad=320:180:-1:-1:color=black'],
  ['fit-background', 'decrease', 'pad=320:180:-1:-1:color=black@0'],
] as const)('%s scales with the aspect kept', (renderMode, how, last) => {
  const scale = `scale=320:180:force_original_aspect_ratio=${how}:force_divisible_by=2:${SCALE}`;
  const wanted = `format=gbrap,premultiply=inplace=1,${scale},format=yuva420p,${last}`;
  expect(filtersOf(pictureArgs({ ...PICTURE, renderMode }))).toBe(wanted);
});

test('text comes from a file, whatever its name', () => {
  const args = textArgs({ file: "/tmp/it's:[a],b;\\/text.ass", width: 64, height: 32 });
  expect(filtersOf(args)).toBe(
    "ass=filename=/tmp/it\\\\\\'s\\\\:\\[a\\]\\,b\\;\\\\\\\\/text.ass:shaping=complex,extractplanes=g",
  );
  expect(args).toContain('color=c=black:s=64x32:r=1,format=gbrp');
});
