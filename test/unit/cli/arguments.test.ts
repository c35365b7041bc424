import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { UsageError } from '../../../src/cli/command.ts';
import { parseDuration, parseTime } from '../../../src/cli/duration.ts';
import { type ProgrammeValues, programmeOf, startedWith } from '../../../src/cli/programme-options.ts';
import { parseRecordStart } from '../../../src/cli/record.ts';
import { parseRelayStart } from '../../../src/cli/relay-start.ts';
import { parseRights } from '../../../src/cli/room-ticket.ts';
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

describe('rights of a PrivateMapKey', () => {
  const rightsOf = (rights?: string, asked = true) => parseRights({ 'private-map-key': asked, rights });

  it('are all of them, or what is said', () => {
    expect([rightsOf(), rightsOf('42'), rightsOf('255'), rightsOf(undefined, false)]).toEqual([
      255, 42, 255, 255,
    ]);
  });

  it.each(['0', '256', '-1', '0x2a', '', 'all'])('are not %j', (text) => {
    expect(() => rightsOf(text)).toThrow(UsageError);
  });

  it('are asked for with a PrivateMapKey only', () => {
    expect(() => rightsOf('42', false)).toThrow(/--private-map-key/);
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
    ['a main picture without a layout', ['--to', TO, '--main', 'ann'], /--main is for/],
    ['a main user who is none', ['--to', TO, '--layout', 'share', '--main', 'a b'], /--main/],
    ['an odd size', ['--to', TO, '--size', '641x360'], /even/],
    ['a size that is none', ['--to', TO, '--size', 'big'], /1280x720/],
    ['more frames than 60', ['--to', TO, '--fps', '61'], /fps/],
    ['a bit rate of a million', ['--to', TO, '--bitrate', '1000000'], /bitrateKbps/],
    ['an idle time of a second', ['--to', TO, '--max-idle', '1'], /maxIdleSeconds/],
    ['a grace of an hour', ['--to', TO, '--grace', '3600'], /graceSeconds/],
    ['a copy with a size', ['--to', TO, '--single', 'ann', '--size', '640x360'], /single/],
    ['more than 200 targets', Array.from({ length: 201 }, (_, n) => ['--to', `${TO}${n}`]).flat(), /targets/],
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

const recordStart = (argv: readonly string[]) => parseRecordStart(argv, Readable.from([]));

async function programmeFile(programme: object): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-programme-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const file = path.join(dir, 'programme.json');
  await writeFile(file, JSON.stringify(programme));
  return file;
}

describe('a programme', () => {
  const of = async (...argv: string[]) => {
    const { body } = await start('--to', TO, ...argv);
    const { room: _room, targets: _targets, ...rest } = JSON.parse(JSON.stringify(body));
    return rest;
  };

  it.each<[string[], object]>([
    [
      ['--layout', 'share', '--main', 'ann', '--main-side', 'right'],
      { layout: { mode: 'share', mainSide: 'right' }, main: 'ann' },
    ],
    [['--background', '#204060'], { background: '#204060' }],
    [['--background', 'https://a.test/b.png'], { backgroundPicture: { url: 'https://a.test/b.png' } }],
    [['--placeholder', 'https://a.test/p.png'], { placeholder: 'https://a.test/p.png' }],
    [
      ['--mute', 'bob', '--mute', 'cid', '--level', 'ann=50', '--allow', 'ann'],
      {
        sound: {
          block: [{ userId: 'bob' }, { userId: 'cid' }],
          allow: [{ userId: 'ann' }],
          levels: [{ userId: 'ann', level: 50 }],
        },
      },
    ],
    [
      ['--text', 'On air', '--timestamp', 'top-left@-3.5', '--logo', 'https://a.test/l.png@10,20,200x100'],
      {
        watermarks: [
          { type: 'picture', url: 'https://a.test/l.png', x: 10, y: 20, width: 200, height: 100 },
          {
            type: 'text',
            text: 'On air',
            x: 38,
            y: 640,
            width: 1204,
            height: 58,
            fontSize: 36,
            background: '#00000080',
          },
          { type: 'timestamp', place: 'top-left', timeZone: -3.5 },
        ],
      },
    ],
  ])('%j', async (argv, wanted) => {
    expect(await of(...argv)).toEqual(wanted);
  });

  it('stands in a file, which options win over', async () => {
    const file = await programmeFile({
      layout: { mode: 'floating', main: { userId: 'ann' } },
      video: { width: 640, height: 360 },
      watermarks: [{ type: 'timestamp', place: 'top', timeZone: 0 }],
      background: '#000000',
    });
    expect(await of('--programme', file, '--main', 'bob', '--text', 'x', '--background', '#ffffff')).toEqual({
      layout: { mode: 'floating', main: { userId: 'ann' } },
      main: 'bob',
      video: { width: 640, height: 360 },
      background: '#ffffff',
      watermarks: [
        {
          type: 'text',
          text: 'x',
          x: 19,
          y: 320,
          width: 602,
          height: 29,
          fontSize: 18,
          background: '#00000080',
        },
        { type: 'timestamp', place: 'top', timeZone: 0 },
      ],
    });
  });

  it('comes from stdin by -', async () => {
    const stdin = Readable.from(['{"background":', '"#123456"}']);
    const { body } = await parseRelayStart(['--room', '7', '--to', TO, '--programme', '-'], stdin);
    expect(body).toMatchObject({ background: '#123456' });
    const both = parseRelayStart(['--room', '7', '--to', '-', '--programme', '-'], Readable.from([]));
    await expect(both).rejects.toThrow(/stdin is read once/);
  });

  it.each<[string, string[], RegExp]>([
    ['a side of a grid', ['--main-side', 'left'], /--main-side is for/],
    ['a side that is none', ['--layout', 'share', '--main-side', 'top'], /left or right/],
    ['a level that is none', ['--level', 'ann'], /ann=50/],
    ['a level of 101', ['--level', 'ann=101'], /level/],
    ['all and some', ['--allow', 'ann', '--allow-all'], /together/],
    ['a place that is none', ['--timestamp', 'middle'], /top-left/],
    ['a file that is not there', ['--programme', '/nonexistent/p.json'], /cannot be read/],
  ])('is refused for %s', async (_what, argv, message) => {
    const failed = start('--to', TO, ...argv);
    await expect(failed).rejects.toThrow(UsageError);
    await expect(failed).rejects.toThrow(message);
  });

  it('in a file is refused with the name of what is wrong in it', async () => {
    const file = await programmeFile({ layout: { mode: 'grid', colour: 'red' } });
    await expect(start('--to', TO, '--programme', file)).rejects.toThrow(/--programme: layout: .*colour/);
  });
});

describe('a change of a programme', () => {
  const video = { width: 640, height: 360 };
  const shown = startedWith({
    layout: { mode: 'share', main: { userId: 'ann' } },
    video,
    watermarks: [
      { type: 'picture', url: 'https://a.test/l.png', x: 0, y: 0, width: 50, height: 50 },
      { type: 'text', text: 'old', x: 0, y: 0, width: 50, height: 50, fontSize: 9 },
    ],
    sound: {
      block: [{ userId: 'Bob' }, { userId: 'bob', room: 8 }],
      levels: [
        { userId: 'ann', level: 20 },
        { userId: 'cid', level: 30 },
      ],
    },
  });

  it.each<[string, ProgrammeValues, object]>([
    [
      'the text replaces the text',
      { text: 'new' },
      { watermarks: [{ type: 'picture' }, { type: 'text', text: 'new' }] },
    ],
    ['none takes away what it names', { logo: 'none' }, { watermarks: [{ type: 'text', text: 'old' }] }],
    [
      'who is muted joins those who are',
      { mute: ['dan'] },
      { sound: { block: [{ userId: 'Bob' }, { userId: 'bob', room: 8 }, { userId: 'dan' }] } },
    ],
    [
      'who is unmuted leaves them, not their namesake elsewhere',
      { unmute: ['bob'] },
      { sound: { block: [{ userId: 'bob', room: 8 }] } },
    ],
    [
      'a level is that of its user',
      { level: ['Ann=100'] },
      {
        sound: {
          levels: [
            { userId: 'cid', level: 30 },
            { userId: 'Ann', level: 100 },
          ],
        },
      },
    ],
    ['everyone is heard again', { 'allow-all': true }, { sound: { allow: [] } }],
    [
      'the side keeps the rest of the layout',
      { 'main-side': 'right' },
      { layout: { mode: 'share', main: { userId: 'ann' }, mainSide: 'right' } },
    ],
    ['the picture is taken away', { background: 'none' }, { backgroundPicture: null }],
  ])('%s', (_what, values, wanted) => {
    expect(programmeOf(values, shown)).toMatchObject(wanted);
    expect(Object.keys(programmeOf(values, shown))).toEqual(Object.keys(wanted));
  });
});

describe('record start', () => {
  it('asks for what its options say', async () => {
    const { body } = await recordStart(['--room', '7', '--mode', 'single', '--user', 'ann', '--for', '10m']);
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
  ])('refuses %j', async (argv, message) => {
    await expect(recordStart(['--room', '7', ...argv])).rejects.toThrow(message);
  });
});

it('aligns a table without trailing blanks', () => {
  expect(alignTable(['A', 'LONGER', 'C'], [['wide cell', 'x', '']])).toEqual([
    'A          LONGER  C',
    'wide cell  x',
  ]);
});
