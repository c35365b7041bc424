import { expect, test } from 'vitest';
import { parseEncoders, parseVersion } from '../../../../src/media/ffmpeg/capabilities.ts';
import { outcomeOf, redactLine } from '../../../../src/media/ffmpeg/exit.ts';

test.each([
  [{ code: 0, signal: null, asked: false, startError: false }, 'finished'],
  [{ code: 0, signal: null, asked: true, startError: false }, 'finished'],
  [{ code: 255, signal: null, asked: true, startError: false }, 'stopped'],
  [{ code: null, signal: 'SIGKILL', asked: true, startError: false }, 'stopped'],
  [{ code: 255, signal: null, asked: false, startError: false }, 'killed'],
  [{ code: null, signal: 'SIGKILL', asked: false, startError: false }, 'killed'],
  [{ code: 1, signal: null, asked: false, startError: false }, 'failed'],
  [{ code: null, signal: null, asked: false, startError: true }, 'not-started'],
] as const)('%o is %s', (raw, outcome) => {
  expect(outcomeOf(raw)).toBe(outcome);
});

test.each([
  [
    'rtmp://a.example/live/secret-key: Input/output error',
    'rtmp://a.example/live/[hidden] Input/output error',
  ],
  ["Error opening 'rtmps://a.example:443/app/k?x=1'", "Error opening 'rtmps://a.example:443/app/[hidden]'"],
  ['http://h/internal/flv/s?ticket=abc.def&n=1', 'http://h/internal/flv/s?ticket=[hidden]&n=1'],
  ['push/1001?usersig=eJw*_-&userid=u', 'push/1001?usersig=[hidden]&userid=u'],
  ['frame=1 fps=0', 'frame=1 fps=0'],
])('%s is shown without its secret', (line, shown) => {
  expect(redactLine(line)).toBe(shown);
});

test('version and encoders are read from what FFmpeg prints', () => {
  expect(parseVersion('ffmpeg version 5.1.9-0+deb12u1 Copyright (c)\nbuilt with')).toBe('5.1.9-0+deb12u1');
  const table = 'Encoders:\n V..... = Video\n ------\n V....D libx264    libx264 H.264\n A....D aac   AAC\n';
  expect([...parseEncoders(table)]).toEqual(['libx264', 'aac']);
});
