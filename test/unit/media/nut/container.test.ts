import { describe, expect, test } from 'vitest';
import { nutFrameHeader, nutStart } from '../../../../src/media/nut/container.ts';
import { crc32Mpeg } from '../../../../src/media/nut/crc.ts';

describe('NUT', () => {
  test('checksums are those of NUT', () => {
    expect(crc32Mpeg(Buffer.from('123456789'))).toBe(0x89a1897f);
    expect(crc32Mpeg(Buffer.alloc(0))).toBe(0);
  });

  test('a frame header is code, stream, full pts, size and their checksum', () => {
    const video = nutFrameHeader(0, 30, 1_382_400);
    expect([...video.subarray(0, -4)]).toEqual([0, 0, 0x81, 0x1e, 0xd4, 0xb0, 0x00]);
    expect(video.readUInt32BE(video.length - 4)).toBe(crc32Mpeg(video.subarray(0, -4)));
    const audio = nutFrameHeader(1, 0, 6400);
    expect([...audio.subarray(0, -4)]).toEqual([0, 1, 0x81, 0x00, 0xb2, 0x00]);
  });

  test('the header names both tracks and ends with the one syncpoint', () => {
    const header = nutStart([
      { kind: 'video', codec: Buffer.from('I420'), ticksPerSecond: 30, width: 640, height: 360 },
      {
        kind: 'audio',
        codec: Buffer.from([0x50, 0x53, 0x44, 16]),
        ticksPerSecond: 48_000,
        ...{ sampleRate: 48_000, channels: 2 },
      },
    ]);
    expect(header.toString('latin1', 0, 25)).toBe('nut/multimedia container\0');
    expect(header.includes('I420')).toBe(true);
    expect(header.includes(Buffer.from([0x50, 0x53, 0x44, 16]))).toBe(true);
    expect(header.subarray(-15, -7).toString('hex')).toBe('4e4be4adeeca4569');
  });
});
