import { describe, expect, it } from 'vitest';
import { readPlaylist } from '../../../src/demo/playback-check.ts';
import { createStatusLine } from '../../../src/demo/status-line.ts';
import { type DemoSummary, findFaults } from '../../../src/demo/summary.ts';

const good: DemoSummary = {
  seconds: 10,
  targets: [
    { url: 'rtmp://a/b/****', state: 'live', frames: 300 },
    { url: 'rtmp://c/d/****', state: 'live', frames: 241 },
  ],
  recording: { path: '/x.mp4', durationMs: 10_400, onAirMs: 10_000 },
  playback: { flv: 'http://x/a.flv', hls: 'http://x/index.m3u8' },
};

describe('a run of the demo', () => {
  it('has no fault when all is right', () => {
    expect(findFaults(good)).toEqual([]);
  });

  it.each<[string, Partial<DemoSummary>, RegExp]>([
    ['a target is not live', { targets: [{ url: 'u', state: 'backing-off', frames: 300 }] }, /backing-off/],
    ['frames are missing', { targets: [{ url: 'u', state: 'live', frames: 239 }] }, /239 frames/],
    ['the recording is too short', { recording: { path: '', durationMs: 8900, onAirMs: 10_000 } }, /8900 ms/],
    [
      'the recording began late',
      { recording: { path: '', durationMs: 5000, onAirMs: 5000 } },
      /5000 ms only/,
    ],
    ['FLV did not answer', { playback: { ...good.playback, flv: null } }, /FLV/],
    ['HLS did not answer', { playback: { ...good.playback, hls: null } }, /HLS/],
  ])('has one when %s', (_what, change, fault) => {
    const faults = findFaults({ ...good, ...change });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(fault);
  });
});

describe('a playlist', () => {
  const url = 'http://host:1/hls/a/index.m3u8?ticket=t';

  it('gives its init segment and its newest segment', () => {
    const text = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2,\n1.m4s\n#EXTINF:2,\n2.m4s?x=1\n';
    expect(readPlaylist(text, url)).toEqual({
      init: 'http://host:1/hls/a/init.mp4',
      segment: 'http://host:1/hls/a/2.m4s?x=1',
    });
  });

  it.each(['', '#EXTM3U\n', '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n'])('%j has none yet', (text) => {
    expect(readPlaylist(text, url)).toBeNull();
  });
});

describe('the status line', () => {
  const said = (isTerminal: boolean) => {
    const lines: string[] = [];
    const show = createStatusLine((line) => lines.push(line), isTerminal);
    for (let second = 1; second <= 20; second += 1) show(second, `at ${second}`);
    return lines;
  };

  it('replaces itself on a terminal', () => {
    const lines = said(true);
    expect(lines).toHaveLength(20);
    expect(lines[0]).toBe('at 1');
    expect(lines[1]).toBe('\x1b[1A\x1b[2Kat 2');
  });

  it('appears every 10 s elsewhere', () => {
    expect(said(false)).toEqual(['at 10', 'at 20']);
  });
});
