import { describe, expect, it } from 'vitest';
import { type PlaylistSegment, playlistText } from '../../../../src/api/playback/hls-playlist.ts';

const segment = (sequence: number, change: Partial<PlaylistSegment> = {}): PlaylistSegment => ({
  sequence,
  durationMs: 2000,
  programTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678) + sequence * 2000,
  init: 'init-7.mp4',
  discontinuity: false,
  ...change,
});

describe('a media playlist', () => {
  it('names the init segment once, then every segment with its length and time', () => {
    const segments = [segment(7, { durationMs: 1999.6 }), segment(8)];
    expect(playlistText({ segments, targetSeconds: 2, discontinuitySequence: 0 }, '')).toBe(
      [
        '#EXTM3U',
        '#EXT-X-VERSION:7',
        '#EXT-X-TARGETDURATION:2',
        '#EXT-X-MEDIA-SEQUENCE:7',
        '#EXT-X-INDEPENDENT-SEGMENTS',
        '#EXT-X-MAP:URI="init-7.mp4"',
        '#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:19.678Z',
        '#EXTINF:2.000,',
        '7.m4s',
        '#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:21.678Z',
        '#EXTINF:2.000,',
        '8.m4s',
        '',
      ].join('\n'),
    );
  });

  it('marks where a segment does not continue the one before, with the new init segment', () => {
    const segments = [segment(7), segment(8, { init: 'init-8.mp4', discontinuity: true })];
    const text = playlistText({ segments, targetSeconds: 2, discontinuitySequence: 3 }, '');
    expect(text).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:3\n');
    expect(text).toContain('7.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="init-8.mp4"\n');
  });

  it('carries the ticket into every address', () => {
    const text = playlistText(
      { segments: [segment(7)], targetSeconds: 2, discontinuitySequence: 0 },
      '?ticket=a.b',
    );
    expect(text).toContain('URI="init-7.mp4?ticket=a.b"');
    expect(text).toContain('\n7.m4s?ticket=a.b\n');
  });
});
