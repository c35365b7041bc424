import { describe, expect, it } from 'vitest';
import { parseAacConfig } from '../../../../src/media/flv/aac-config.ts';
import { parseAvcConfig } from '../../../../src/media/flv/avc-config.ts';
import { parseHevcConfig } from '../../../../src/media/flv/hevc-config.ts';
import { seededWhole } from '../../../support/random.ts';

// Written by x264 at 1920x1080 (High, cropped by 8 rows).
const X264_1080P =
  '0164002affe1001b6764002aacd940780227e5c05a808080a0000003002000000781e30632c001000668ebe3cb22c0fdf8f800';

// Written by x265 at 1920x1080 with three B-frames.
const X265_1080P =
  '01016000000090000000000078f000fcfdf8f800000f03a00001001840010c01ffff016000000300900000030000030078959409a10001002a420101016000000300900000030000030078a003c08010e596565924caf0168080000003008000000f04a2000100074401c172b46240';

describe('decoder configurations', () => {
  it('reads profile and shown size of H.264', () => {
    expect(parseAvcConfig(Buffer.from(X264_1080P, 'hex'))).toMatchObject({
      codec: 'avc1.64002a',
      width: 1920,
      height: 1080,
    });
  });

  it('reads profile, shown size and reordering of H.265', () => {
    expect(parseHevcConfig(Buffer.from(X265_1080P, 'hex'))).toMatchObject({
      codec: 'hvc1.1.6.L120.90',
      width: 1920,
      height: 1080,
      reorder: 2,
    });
  });

  it.each([
    ['AAC-LC, 48 kHz, stereo', '1190', { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2 }],
    ['AAC-LC, 44.1 kHz, mono', '1208', { codec: 'mp4a.40.2', sampleRate: 44_100, channels: 1 }],
    ['with an extension behind it', '119056e500', { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2 }],
    ['a rate in full', '17805dc010', { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2 }],
  ])('reads %s', (_name, hex, expected) => {
    expect(parseAacConfig(Buffer.from(hex, 'hex'))).toMatchObject(expected);
  });

  it('refuses every truncation as bad media', () => {
    const bad = expect.objectContaining({ code: 'bad-media' });
    for (let length = 0; length < 20; length += 1) {
      expect(() => parseAvcConfig(Buffer.from(X264_1080P, 'hex').subarray(0, length))).toThrow(bad);
    }
    for (let length = 0; length < 80; length += 1) {
      expect(() => parseHevcConfig(Buffer.from(X265_1080P, 'hex').subarray(0, length))).toThrow(bad);
    }
    for (const hex of ['', '11', 'ffff', '1780']) {
      expect(() => parseAacConfig(Buffer.from(hex, 'hex'))).toThrow(bad);
    }
  });

  it.each([
    ['H.264', X264_1080P, parseAvcConfig],
    ['H.265', X265_1080P, parseHevcConfig],
  ])(
    'reads of a damaged configuration of %s a size that a picture can have, or none',
    (_name, hex, parse) => {
      const below = seededWhole(26);
      let refused = 0;
      for (let run = 0; run < 5000; run += 1) {
        const record = Buffer.from(hex, 'hex');
        for (let bits = 1 + below(8); bits > 0; bits -= 1) {
          const at = below(record.length);
          record[at] = (record[at] ?? 0) ^ (1 << below(8));
        }
        try {
          const { width, height } = parse(record);
          expect(Math.min(width, height)).toBeGreaterThan(0);
          expect(Math.max(width, height)).toBeLessThanOrEqual(16_888);
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-media' });
          refused += 1;
        }
      }
      expect(refused).toBeGreaterThan(100);
    },
  );
});
