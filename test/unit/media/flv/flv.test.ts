import { describe, expect, it } from 'vitest';
import { createFlvParser } from '../../../../src/media/flv/parser.ts';
import { MARK_LIVE, scriptName, scriptTag, streamMark } from '../../../../src/media/flv/script.ts';
import { type FlvTag, isMedia, ownTag } from '../../../../src/media/flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../../../../src/media/flv/writer.ts';

const TAGS: FlvTag[] = [
  scriptTag('onMetaData', [{ width: 1280 }]),
  { type: 9, timestamp: 0, data: Buffer.from([0x17, 0, 0, 0, 0]) },
  { type: 8, timestamp: 0xffffff, data: Buffer.from([0xaf, 1, 9]) },
  { type: 9, timestamp: 0x1000000, data: Buffer.alloc(70_000, 3) },
  { type: 9, timestamp: 0xffffffff, data: Buffer.alloc(0) },
];
const FILE = Buffer.concat([flvHeader(), ...TAGS.map(encodeFlvTag)]);

function parse(bytes: Buffer, chunkBytes: number, maxTagBytes?: number): FlvTag[] {
  const tags: FlvTag[] = [];
  const parser = createFlvParser({
    onTag: (tag) => tags.push(tag),
    ...(maxTagBytes === undefined ? {} : { maxTagBytes }),
  });
  for (let at = 0; at < bytes.length; at += chunkBytes) parser.push(bytes.subarray(at, at + chunkBytes));
  return tags;
}

describe('FLV', () => {
  it('writes a tag as the format says, the upper time byte behind the lower three', () => {
    const tag: FlvTag = { type: 8, timestamp: 0x12345678, data: Buffer.from([0xaf, 1]) };
    expect(encodeFlvTag(tag).toString('hex')).toBe(
      ['08000002', '34567812', '000000', 'af01', '0000000d'].join(''),
    );
  });

  for (const chunkBytes of [1, 7, 4096, 1 << 20]) {
    it(`reads back what was written when it comes in pieces of ${chunkBytes} bytes`, () => {
      expect(parse(FILE, chunkBytes)).toEqual(TAGS);
    });
  }

  it.each([1, 7, 4096, 50_000])(
    'keeps nothing of pieces of %i bytes that are overwritten behind it',
    (length) => {
      const tags: FlvTag[] = [];
      const parser = createFlvParser({ onTag: (tag) => tags.push(ownTag(tag)) });
      const piece = Buffer.alloc(length);
      for (let at = 0; at < FILE.length; at += length) {
        const count = FILE.copy(piece, 0, at, at + length);
        parser.push(piece.subarray(0, count));
        piece.fill(0xee);
      }
      expect(tags).toEqual(TAGS);
    },
  );

  it('says where the last whole tag ends', () => {
    const parser = createFlvParser({ onTag: () => undefined });
    const whole = flvHeader().length + encodeFlvTag(TAGS[0] as FlvTag).length;
    parser.push(FILE.subarray(0, whole + 5));
    expect(parser.wholeBytes()).toBe(whole);
    expect(parser.pendingBytes()).toBe(5);
  });

  it('takes a tag out of one piece without copying it', () => {
    const [tag] = parse(Buffer.concat([flvHeader(), encodeFlvTag(TAGS[3] as FlvTag)]), 1 << 20);
    expect(tag?.data.byteOffset).toBeGreaterThan(0);
    expect(tag?.data.buffer.byteLength).toBeGreaterThan(70_000);
  });

  const damages: [string, Buffer][] = [
    ['a file that is no FLV', Buffer.from('<html>hello world')],
    ['a header of absurd size', Buffer.from([0x46, 0x4c, 0x56, 1, 5, 0xff, 0, 0, 9, 0, 0, 0, 0])],
    ['an unknown tag type', Buffer.concat([flvHeader(), Buffer.alloc(15, 7)])],
    ['a wrong size behind a tag', Buffer.concat([flvHeader(), encodeFlvTag(TAGS[1] as FlvTag).fill(9, 16)])],
    ['a tag longer than allowed', Buffer.concat([flvHeader(), Buffer.from('09ffffff00000000000000', 'hex')])],
  ];
  for (const [name, bytes] of damages) {
    it(`refuses ${name}`, () => {
      expect(() => parse(bytes, 1 << 20, 1_000_000)).toThrowError(
        expect.objectContaining({ code: 'bad-media' }),
      );
    });
  }

  it('knows the name of a script tag and the marks of the hub', () => {
    expect(scriptName(scriptTag('onMetaData', [{}]))).toBe('onMetaData');
    expect(streamMark(scriptTag(MARK_LIVE))).toBe(MARK_LIVE);
    expect(streamMark(scriptTag('onMetaData'))).toBeNull();
    expect(scriptName({ type: 18, timestamp: 0, data: Buffer.from([2, 0, 50, 1]) })).toBeNull();
    expect(scriptName({ type: 9, timestamp: 0, data: encodeFlvTag(scriptTag(MARK_LIVE)) })).toBeNull();
  });
});

describe('of enhanced tags only coded frames are media', () => {
  const NAME = [...Buffer.from('mp4a')];
  it.each([
    ['a sound frame', 8, 0x91, true],
    ['a sound header', 8, 0x90, false],
    ['an end of the sound', 8, 0x92, false],
    ['a channel order', 8, 0x94, false],
    ['several tracks of sound', 8, 0x95, false],
    ['a picture', 9, 0x91, true],
    ['a picture without offset', 9, 0x93, true],
    ['an end of the pictures', 9, 0x92, false],
    ['colours of the pictures', 9, 0x94, false],
    ['several tracks of pictures', 9, 0x96, false],
    ['a type that nobody knows', 9, 0x9f, false],
  ] as const)('%s', (_what, type, first, media) => {
    expect(isMedia({ type, timestamp: 0, data: Buffer.from([first, ...NAME, 1, 2]) })).toBe(media);
  });
});
