import { describe, expect, it } from 'vitest';
import { relayLines, targetLines } from '../../../src/cli/relay-list.ts';

const URL = 'rtmps://ingest.global-contribute.live-video.net:443/app/****';
const LIVE = {
  url: URL,
  state: 'degraded',
  attempt: 0,
  nextRetryAt: null,
  lastError: { code: 'closed-by-peer', message: 'an hour ago', at: 1 },
  bytes: 123_456_789_012,
  id: '0123456789',
  kbps: 12_345,
  takenBy: 'peer',
  lagMs: 12_340,
  droppedFrames: 123_456,
  reconnects: 1234,
  onAirMs: 360_000_000 + 62_000,
  warnings: ['lower the video bitrate to 6000 kbps or less: it is 9000 kbps'],
} as const;
const WAITING = {
  ...LIVE,
  url: 'rtmp://127.0.0.1:1/live/****',
  state: 'backing-off',
  attempt: 4,
  nextRetryAt: 17_500,
  lastError: { code: 'connection-refused', message: 'nobody listens there', at: 1 },
  warnings: [],
} as const;
const relay = (targets: readonly (typeof LIVE | typeof WAITING)[]) => ({
  taskId: 'abcdefghijklmnopqrst',
  room: 1001,
  state: 'running' as const,
  auto: false,
  streamId: 's',
  targets: [...targets].map((target) => ({ ...target, warnings: [...target.warnings] })),
});

describe('the list of relays', () => {
  const lines = relayLines([relay([LIVE, WAITING]), relay([WAITING])], 10_000);

  it('fits a terminal of 120 columns, whatever its figures', () => {
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });

  it('says below a target what keeps it off the air, and what breaks a limit', () => {
    const waiting = lines.findIndex((line) => line.startsWith('backing-off'));
    expect(lines[waiting + 1]).toBe('    attempt 4, next in 8 s: connection-refused, nobody listens there');
    const live = lines.findIndex((line) => line.startsWith('degraded'));
    expect(lines[live + 1]).toBe(`    warning: ${LIVE.warnings[0]}`);
    expect(lines.join()).not.toContain('an hour ago');
  });

  it('leaves what to do about it to `show`', () => {
    expect(lines.join()).not.toMatch(/Check the port/);
    expect(targetLines(relay([WAITING]).targets, 0, true)[3]).toMatch(/^ {4}Check the port/);
  });

  it('shows beginning and end of a long URL; `show` shows it whole', () => {
    expect(lines.find((line) => line.startsWith('degraded'))).toMatch(
      / rtmps:\/\/ingest\.\S+…\S*\/app\/\*{4}$/,
    );
    expect(targetLines(relay([LIVE]).targets, 0, true)[1]?.endsWith(` ${URL}`)).toBe(true);
  });

  it('tells the time on the air in hours, and no rate without a session', () => {
    expect(lines.find((line) => line.startsWith('degraded'))).toContain(
      ' 12345  12.3 s  123456   1234   100:01:02 ',
    );
    expect(lines.find((line) => line.startsWith('backing-off'))).not.toContain('12345 ');
  });

  it('without a relay says so', () => {
    expect(relayLines([], 0)).toEqual(['no relay']);
  });
});
