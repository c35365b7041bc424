import { describe, expect, it } from 'vitest';
import { decodeAmf } from '../../../../src/media/flv/amf.ts';
import { scriptTag } from '../../../../src/media/flv/script.ts';
import type { FlvTag } from '../../../../src/media/flv/tag.ts';
import { createChunkReader } from '../../../../src/media/rtmp/chunk-reader.ts';
import { encodeMessage, type RtmpMessage } from '../../../../src/media/rtmp/chunks.ts';
import { handshakeAnswer, handshakeHello } from '../../../../src/media/rtmp/handshake.ts';
import { createMessageCache, encodeMediaMessage } from '../../../../src/media/rtmp/media-message.ts';

const badMedia = expect.objectContaining({ code: 'bad-media' });

function readAll(bytes: Buffer, pieceBytes: number, chunkBytes = 128): RtmpMessage[] {
  const messages: RtmpMessage[] = [];
  const reader = createChunkReader({ onMessage: (one) => messages.push(one), maxMessageBytes: 1_000_000 });
  reader.setChunkBytes(chunkBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  return messages;
}

describe('chunks', () => {
  const messages: RtmpMessage[] = [0, 5, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff].flatMap((timestamp) =>
    [0, 1, 127, 128, 129, 1000].map((bytes) => ({
      type: 9,
      timestamp,
      streamId: 1,
      data: Buffer.alloc(bytes, bytes),
    })),
  );
  for (const pieceBytes of [1, 13, 1 << 20]) {
    it(`carry every length and timestamp, in pieces of ${pieceBytes} bytes`, () => {
      const format = { chunkStreamId: 6, chunkBytes: 128 };
      const bytes = Buffer.concat(messages.map((message) => encodeMessage(message, format)));
      expect(readAll(bytes, pieceBytes)).toEqual(messages);
    });
  }

  it('have a full header first and one byte before each further part', () => {
    const message = { type: 8, timestamp: 0x010203, streamId: 1, data: Buffer.alloc(5, 0xee) };
    const bytes = encodeMessage(message, { chunkStreamId: 4, chunkBytes: 3 });
    expect(bytes.toString('hex')).toBe(
      ['04', '010203', '000005', '08', '01000000', 'eeeeee', 'c4', 'eeee'].join(''),
    );
  });

  it('are read in every short form: steps, repeated headers, two- and three-byte ids, interleaved', () => {
    const hex = [
      '03 000064 000002 14 00000000 aabb',
      '43 00000a 000001 14 cc',
      '83 00000a dd',
      'c3 ee',
      '0000 000001 000001 14 00000000 11',
      '010100 000002 000001 14 00000000 22',
      '04 000000 000005 14 00000000 0102',
      '05 000000 000003 14 00000000 0a0b',
      'c4 0304 c5 0c c4 05',
    ];
    const got = readAll(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex'), 3, 2);
    expect(got.map((one) => [one.timestamp, one.data.toString('hex')])).toEqual([
      [100, 'aabb'],
      [110, 'cc'],
      [120, 'dd'],
      [130, 'ee'],
      [1, '11'],
      [2, '22'],
      [0, '0a0b0c'],
      [0, '0102030405'],
    ]);
  });

  it('are refused when a message is too long, too many streams are open or a chunk is to hold nothing', () => {
    expect(() => readAll(Buffer.from('03000000ffffff1400000000', 'hex'), 100)).toThrowError(badMedia);
    const many = Array.from({ length: 20 }, (_, id) =>
      Buffer.from([3 + id, 0, 0, 0, 0, 0, 9, 20, 0, 0, 0, 0, 1]),
    );
    expect(() => readAll(Buffer.concat(many), 1000, 1)).toThrowError(badMedia);
    const reader = createChunkReader({ onMessage: () => undefined, maxMessageBytes: 10 });
    expect(() => reader.setChunkBytes(0)).toThrowError(badMedia);
  });

  it('come whole from a server that names the largest chunk size there is', () => {
    const bytes: number[] = [];
    const onMessage = ({ data }: { data: Buffer }) => bytes.push(data.length);
    const reader = createChunkReader({ onMessage, maxMessageBytes: 1000 });
    reader.setChunkBytes(2 ** 31 - 1);
    reader.push(Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 1, 0x2c, 20, 0, 0, 0, 0]), Buffer.alloc(300)]));
    expect(bytes).toEqual([300]);
  });
});

describe('the handshake', () => {
  it('says version 3 with zeroes where the format wants them', () => {
    const hello = handshakeHello();
    expect(hello).toHaveLength(1537);
    expect(hello.subarray(0, 9)).toEqual(Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0]));
  });

  it('echoes what the server sent, and refuses another protocol', () => {
    const reply = Buffer.alloc(3073, 8);
    reply[0] = 3;
    expect(handshakeAnswer(reply)).toEqual(Buffer.alloc(1536, 8));
    expect(() => handshakeAnswer(Buffer.from('HTTP'))).toThrowError(
      expect.objectContaining({ code: 'handshake-failed' }),
    );
  });
});

describe('media messages', () => {
  it('carry metadata as @setDataFrame and frames as they are', () => {
    const [metadata] = readAll(
      encodeMediaMessage(scriptTag('onMetaData', [{ width: 2 }], 7), 1),
      1 << 20,
      4096,
    );
    expect(decodeAmf(metadata?.data ?? Buffer.alloc(0))).toEqual([
      '@setDataFrame',
      'onMetaData',
      { width: 2 },
    ]);
    const tag: FlvTag = { type: 9, timestamp: 40, data: Buffer.alloc(9000, 1) };
    expect(readAll(encodeMediaMessage(tag, 5), 1 << 20, 4096)).toEqual([{ ...tag, streamId: 5 }]);
  });

  it('are built once for all targets with the same message stream, and joined once', () => {
    const cache = createMessageCache();
    const tag: FlvTag = { type: 8, timestamp: 0, data: Buffer.from([0xaf, 1]) };
    const bytes = cache.encode(tag, 1);
    expect(cache.encode(tag, 1)).toBe(bytes);
    expect(cache.encode(tag, 2)).not.toEqual(bytes);
    const other = cache.encode({ ...tag, timestamp: 9 }, 1);
    const joined = cache.join([bytes, other]);
    expect(joined).toEqual(Buffer.concat([bytes, other]));
    expect(cache.join([bytes, other])).toBe(joined);
    expect(cache.join([other, bytes])).toEqual(Buffer.concat([other, bytes]));
  });
});
