import { expect, test } from 'vitest';
import { remuxArgs, testPublisherArgs } from '../../../../src/media/ffmpeg/argv.ts';

test('a remux copies what it is given, moved by whole milliseconds, into an MP4 with its index in front', () => {
  expect(remuxArgs({ format: 'flv', hasHevc: false, file: '/data/a b.mp4.part', shiftMs: -67 })).toEqual([
    ...'-hide_banner -nostats -loglevel error -copyts -f flv -i pipe:0 -y'.split(' '),
    ...'-map 0 -c copy -output_ts_offset -0.067 -video_track_timescale 1000'.split(' '),
    ...'-movflags +faststart -f mp4'.split(' '),
    '/data/a b.mp4.part',
  ]);
});

test('a test publisher is a colour and a tone, and its label cannot leave the filter', () => {
  const args = testPublisherArgs({
    url: 'rtmp://127.0.0.1/live/x',
    color: 'red',
    toneHz: 440,
    size: '640x360',
    fps: 25,
    gop: 50,
    label: "a'b:c",
    frameCounter: true,
  });
  expect(args.slice(0, 16)).toEqual(
    '-hide_banner -nostats -loglevel error -re -f lavfi -i color=c=red:s=640x360:r=25 -re -f lavfi -i sine=frequency=440:sample_rate=48000 -map 0:v:0'.split(
      ' ',
    ),
  );
  const filter = args[args.indexOf('-filter:v') + 1] ?? '';
  expect(filter).toContain("drawtext=text='a b c':");
  expect(filter).toContain("drawtext=text='%{frame_num}':");
  expect(filter.endsWith('format=yuv420p')).toBe(true);
  expect(args.slice(-3)).toEqual(['-f', 'flv', 'rtmp://127.0.0.1/live/x']);
});
