import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/command.ts';
import { parseDuration, parseTime } from '../../../src/cli/duration.ts';
import { parseRecordStart } from '../../../src/cli/record.ts';
import { parseRelayStart } from '../../../src/cli/relay-start.ts';
import { alignTable } from '../../../src/cli/table.ts';

const TO = 'rtmp://127.0.0.1:1999/live/secret-key';
const start = (...argv: string[]) => parseRelayStart(['--room', '7', ...argv], Readable.from([]));

describe('durations and times', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['1h30m5s', 5_405_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration('--for', text)).toBe(ms);
  });

  it.each(['', '0s', '10', '5 m', '10m1h', '-1s', '1d', '1.5h'])('%j is no duration', (text) => {
    expect(() => parseDuration('--for', text)).toThrow(UsageError);
  });

  it('reads times with a zone as they say', () => {
    expect(parseTime('--at', '2026-11-22T18:30:00Z')).toBe(Date.UTC(2026, 10, 22, 18, 30));
    expect(parseTime('--at', '2026-11-22 18:30+02:00')).toBe(Date.UTC(2026, 10, 22, 16, 30));
  });

  it.each(['now', '18:30', '2026-13-01T00:00Z', '2026-11-22'])('%j is no time', (text) => {
    expect(() => parseTime('--at', text)).toThrow(UsageError);
  });
});

describe('relay start', () => {
  it('asks for what its options say', async () => {
    const { body, json } = await start(
      '--to',
      TO,
      '--size',
      '640x360',
      '--fps',
      '25',
      '--agent',
      'host',
      '--json',
    );
    expect(json).toBe(true);
    expect(JSON.parse(JSON.stringify(body))).toEqual({
      room: 7,
      targets: [TO],
      video: { width: 640, height: 360, fps: 25 },
      agentUserId: 'host',
    });
  });

  it('asks for a layout with its main user', async () => {
    const { body } = await start('--to', TO, '--layout', 'share', '--main', 'ann');
    expect(body).toMatchObject({ layout: 'share', main: 'ann' });
  });

  it('reads URLs from stdin where --to is -', async () => {
    const stdin = Readable.from([`${TO}1\n\n${TO}2`]);
    const { body } = await parseRelayStart(['--room', 'a b', '--string-room', '--to', '-'], stdin);
    expect(body).toMatchObject({ room: 'a b', targets: [`${TO}1`, `${TO}2`] });
  });

  it.each<[string, string[], RegExp]>([
    ['without a target', [], /--to/],
    ['a layout of no version', ['--to', TO, '--layout', 'circle'], /grid, floating or share/],
    [
      'a main picture, which a grid does not have',
      ['--to', TO, '--layout', 'grid', '--main', 'ann'],
      /--main/,
    ],
    ['a main picture without a layout', ['--to', TO, '--main', 'ann'], /--layout/],
    ['a main user who is none', ['--to', TO, '--layout', 'share', '--main', 'a b'], /--main/],
    ['an odd size', ['--to', TO, '--size', '641x360'], /even/],
    ['a size that is none', ['--to', TO, '--size', 'big'], /1280x720/],
    ['more frames than 60', ['--to', TO, '--fps', '61'], /fps/],
    ['a bit rate of a million', ['--to', TO, '--bitrate', '1000000'], /bitrateKbps/],
    ['an idle time of a second', ['--to', TO, '--max-idle', '1'], /maxIdleSeconds/],
    ['a copy with a size', ['--to', TO, '--single', 'ann', '--size', '640x360'], /single/],
    ['more than 20 targets', Array.from({ length: 21 }, (_, n) => ['--to', `${TO}${n}`]).flat(), /targets/],
    ['an option that does not exist', ['--to', TO, '--colour', 'red'], /--colour/],
  ])('refuses %s as wrong usage', async (_what, argv, message) => {
    const failed = start(...argv);
    await expect(failed).rejects.toThrow(UsageError);
    await expect(failed).rejects.toThrow(message);
  });

  it('refuses a URL without showing any of it', async () => {
    const failed = start('--to', 'http://127.0.0.1/live/secret-key');
    await expect(failed).rejects.toThrow(/--to: .*rtmp/);
    await expect(failed).rejects.not.toThrow(/secret-key/);
  });

  it.each(['0', '4294967296', 'studio', '-1'])('refuses %j as an integer room', async (room) => {
    const asked = parseRelayStart(['--room', room, '--to', TO], Readable.from([]));
    await expect(asked).rejects.toThrow(UsageError);
  });
});

describe('record start', () => {
  it('asks for what its options say', () => {
    const { body } = parseRecordStart(['--room', '7', '--mode', 'single', '--user', 'ann', '--for', '10m']);
    expect(JSON.parse(JSON.stringify(body))).toEqual({
      room: 7,
      single: { userId: 'ann' },
      formats: ['mp4'],
      durationMs: 600_000,
    });
  });

  it.each<[string[], RegExp]>([
    [['--mode', 'single'], /--user/],
    [['--user', 'ann'], /--mode single/],
    [['--mode', 'both'], /mixed or single/],
    [['--format', 'mp4,hls'], /hls comes with version 0\.2/],
    [['--format', 'avi'], /list of mp4/],
  ])('refuses %j', (argv, message) => {
    expect(() => parseRecordStart(['--room', '7', ...argv])).toThrow(message);
  });
});

it('aligns a table without trailing blanks', () => {
  expect(alignTable(['A', 'LONGER', 'C'], [['wide cell', 'x', '']])).toEqual([
    'A          LONGER  C',
    'wide cell  x',
  ]);
});
