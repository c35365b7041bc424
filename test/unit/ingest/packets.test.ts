import type { NmsPacket } from 'node-media-server/src/session/rtmp_session.js';
import { describe, expect, test } from 'vitest';
import { markerTag, mediaRole, preparePacket, scriptName } from '../../../src/ingest/packets.ts';
import { MARK_LIVE, streamMark } from '../../../src/media/flv/script.ts';
import { parseFlv } from '../../support/clip.ts';

function packet(type: number, body: Buffer | number[]): NmsPacket {
  const data = Buffer.concat([Buffer.from(body), Buffer.alloc(32, 0x17)]); // the parser's buffer is longer
  return { codec_type: type, flags: 0, dts: 40, pts: 40, size: Buffer.from(body).length, data };
}

function script(...names: string[]): Buffer {
  const texts = names.map((name) => Buffer.concat([Buffer.from([2, 0, name.length]), Buffer.from(name)]));
  return Buffer.concat([...texts, Buffer.from([5])]);
}

const AVC1 = [...Buffer.from('avc1')];

describe('a packet', () => {
  test.each<[string, number, number[], number | null]>([
    ['an AVC header', 9, [0x17, 0, 0, 0, 0, 1], 2],
    ['an AVC key frame', 9, [0x17, 1, 0, 0, 0, 1], 3],
    ['an AVC frame', 9, [0x27, 1, 0, 0, 0, 1], 4],
    ['an end of sequence, which would pass for a key frame', 9, [0x17, 2, 0, 0, 0], null],
    ['a command frame', 9, [0x57, 0], null],
    ['an enhanced H.264 header', 9, [0x90, ...AVC1, 1], 2],
    ['an enhanced H.264 key frame', 9, [0x91, ...AVC1, 1], 3],
    ['an enhanced H.264 frame without offset', 9, [0xa3, ...AVC1, 1], 4],
    ['enhanced metadata', 9, [0x94, ...AVC1, 1], 7],
    ['an enhanced end', 9, [0x92, ...AVC1], null],
    ['an AAC header', 8, [0xaf, 0, 0x11, 0x90], 0],
    ['an AAC frame', 8, [0xaf, 1, 0x21], 1],
    ['an MP3 frame', 8, [0x2f, 0xff, 0xfb], 1],
    ['an enhanced audio header', 8, [0x90, 0x4f, 0x70], 0],
    ['one byte of audio', 8, [0xaf], null],
    ['nothing', 9, [], null],
  ])('with %s is passed on as that', (_what, type, body, flags) => {
    const prepared = preparePacket(packet(type, body));
    expect(prepared?.flags ?? null).toBe(flags);
    if (prepared) expect(prepared.data).toEqual(Buffer.from(body));
  });

  test('with metadata reaches viewers as FLV has it', () => {
    for (const body of [script('@setDataFrame', 'onMetaData'), script('onMetaData')]) {
      const prepared = preparePacket(packet(18, body));
      expect(prepared).toMatchObject({ flags: 5, size: script('onMetaData').length });
      expect(scriptName(prepared?.data ?? Buffer.alloc(0))).toBe('onMetaData');
    }
  });

  test('with AMF3 data is no audio header', () => {
    expect(preparePacket(packet(15, Buffer.concat([Buffer.from([0]), script('onMetaData')])))).toMatchObject({
      flags: 5,
      codec_type: 18,
    });
    expect(preparePacket(packet(15, [0xaf, 0, 0x11]))).toBeNull();
  });

  test('of a publisher that speaks for the hub is dropped', () => {
    expect(preparePacket(packet(18, script('roomcastEnd')))).toBeNull();
    expect(preparePacket(packet(18, script('onCuePoint')))?.flags).toBe(7);
  });
});

test('a mark is the FLV tag that stream readers know', () => {
  const header = Buffer.from([0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0]);
  const [tag] = parseFlv(Buffer.concat([header, markerTag('roomcastLive', 0x12345678)]));
  expect(tag).toMatchObject({ type: 18, timestamp: 0x12345678 });
  expect(tag && streamMark(tag)).toBe(MARK_LIVE);
});

test('a key frame of a codec from before H.264 is one', () => {
  expect(mediaRole(9, 0x12, 0)).toBe('key');
  expect(mediaRole(9, 0x22, 0)).toBe('delta');
});
