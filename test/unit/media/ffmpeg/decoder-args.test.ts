import { expect, test } from 'vitest';
import { decoderArgs } from '../../../../src/media/ffmpeg/decoder-args.ts';

const DECODER_INPUT =
  '-hide_banner -nostats -loglevel error -copyts -probesize 32 -analyzeduration 0 -threads 1 -f flv -i pipe:0';
const SOUND_FILTER =
  "aresample=48000,aformat=sample_fmts=s16:channel_layouts=stereo,asetnsamples=480:p=0,ametadata=mode=add:key=t:value=1,ametadata=mode=print:direct=1:file='pipe\\:4',asetpts=PTS-1000000000";

test('a decoder writes pictures, sound and the times of both on pipes of their own', () => {
  expect(
    decoderArgs({ format: 'flv', video: { width: 640, height: 360, scaling: 'crop' }, audio: true }),
  ).toEqual([
    ...DECODER_INPUT.split(' '),
    ...'-map 0:v:0 -filter:v'.split(' '),
    "scale=640:360:force_original_aspect_ratio=increase:force_divisible_by=2:flags=bilinear,crop=640:360,format=yuv420p,metadata=mode=add:key=t:value=1,metadata=mode=print:direct=1:file='pipe\\:3'",
    ...'-fps_mode passthrough -enc_time_base 1:1000 -c:v rawvideo -threads 1 -f rawvideo -flush_packets 1 pipe:1'.split(
      ' ',
    ),
    ...'-map 0:a:0 -filter:a'.split(' '),
    SOUND_FILTER,
    ...'-c:a pcm_s16le -f s16le -flush_packets 1 pipe:5'.split(' '),
  ]);
});

test.each([
  [
    'fit',
    'scale=640:360:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bilinear,pad=640:360:-1:-1',
  ],
  ['stretch', 'scale=640:360:flags=bilinear'],
] as const)('a decoder can %s its pictures', (scaling, filters) => {
  const args = decoderArgs({ format: 'flv', video: { width: 640, height: 360, scaling }, audio: false });
  expect(args[args.indexOf('-filter:v') + 1]).toMatch(new RegExp(`^${filters},format=yuv420p,metadata`));
});

test('a decoder takes the part of the source that is asked for before it scales', () => {
  const part = { x: 20, y: 10, width: 300, height: 200 };
  const video = { width: 640, height: 360, scaling: 'stretch', part } as const;
  const args = decoderArgs({ format: 'flv', video, audio: false });
  expect(args[args.indexOf('-filter:v') + 1]).toMatch(/^crop=300:200:20:10,scale=640:360/);
});

test('a decoder that catches up scales and writes only what can still be shown', () => {
  const video = { width: 640, height: 360, scaling: 'stretch', fromMs: 12_345.6 } as const;
  const args = decoderArgs({ format: 'flv', video, audio: false });
  expect(args[args.indexOf('-filter:v') + 1]).toMatch(/^trim=start=12\.346,scale=640:360/);
});

test('a decoder of sound alone asks for no picture', () => {
  expect(decoderArgs({ format: 'flv', video: null, audio: true })).toEqual([
    ...DECODER_INPUT.split(' '),
    ...'-map 0:a:0 -filter:a'.split(' '),
    SOUND_FILTER,
    ...'-c:a pcm_s16le -f s16le -flush_packets 1 pipe:5'.split(' '),
  ]);
});
