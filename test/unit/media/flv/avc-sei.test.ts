import { describe, expect, it } from 'vitest';
import { insertUnits, seiUnit, unitLengthSize } from '../../../../src/media/flv/avc-sei.ts';
import type { FlvTag } from '../../../../src/media/flv/tag.ts';
import { readSei, unitsOf } from '../../../support/sei.ts';

function tag(...data: number[]): FlvTag {
  return { type: 9, timestamp: 40, data: Buffer.from(data) };
}

/** An H.264 picture of units with one byte of body behind their type. */
function picture(frameType: number, ...types: number[]): FlvTag {
  return tag((frameType << 4) | 7, 1, 0, 0, 0, ...types.flatMap((type) => [0, 0, 0, 2, type, 9]));
}

describe('an SEI unit', () => {
  it.each([
    [100, 0],
    [100, 5],
    [243, 254],
    [254, 255],
    [255, 256],
    [5, 700],
    [600, 4000],
  ])('of type %d with %d bytes is read back', (payloadType, size) => {
    const payload = Buffer.from(Array.from({ length: size }, (_, at) => at % 251));
    expect(readSei(seiUnit(payloadType, payload))).toEqual([{ payloadType, payload }]);
  });

  it('never holds what looks like the begin of another', () => {
    const payload = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 3, 3, 0, 0, 4, 0, 0]);
    const unit = seiUnit(100, payload);
    for (let at = 1; at + 2 < unit.length; at += 1) {
      const [a, b, c] = unit.subarray(at, at + 3);
      expect(a === 0 && b === 0 && (c ?? 9) < 3, `at ${at}`).toBe(false);
    }
    expect(readSei(unit)).toEqual([{ payloadType: 100, payload }]);
  });

  it('is byte for byte what the standard says', () => {
    expect(seiUnit(100, Buffer.from([0, 0, 1])).toString('hex')).toBe('0664030000030180');
    expect(seiUnit(255, Buffer.alloc(0)).toString('hex')).toBe('06ff000080');
  });
});

describe('units in a picture', () => {
  const unit = seiUnit(100, Buffer.from('x'));
  const types = (of: FlvTag) => unitsOf(of.data).map(({ type }) => type);

  it('stand in front of the first slice, behind what the encoder wrote', () => {
    expect(types(insertUnits(picture(1, 9, 7, 8, 6, 5, 5), [unit, unit], 4))).toEqual([
      9, 7, 8, 6, 6, 6, 5, 5,
    ]);
    expect(types(insertUnits(picture(2, 1), [unit], 4))).toEqual([6, 1]);
  });

  it('keep head, time and slices as they are', () => {
    const before = picture(2, 1);
    const after = insertUnits(before, [unit], 4);
    expect(after.timestamp).toBe(40);
    expect(after.data.subarray(0, 5)).toEqual(before.data.subarray(0, 5));
    expect(after.data.subarray(-6)).toEqual(before.data.subarray(-6));
  });

  it('are left out where there is no slice, and with nothing to insert', () => {
    for (const other of [tag(0x17, 0, 0, 0, 0, 1), tag(0x27, 2, 0, 0, 0), picture(1, 9), tag(0x17)]) {
      expect(insertUnits(other, [unit], 4)).toBe(other);
    }
    const plain = picture(2, 1);
    expect(insertUnits(plain, [], 4)).toBe(plain);
    const sound: FlvTag = { type: 8, timestamp: 0, data: Buffer.from([0xaf, 1, 0, 0, 0, 0, 0, 0, 2, 1, 9]) };
    expect(insertUnits(sound, [unit], 4)).toBe(sound);
  });

  it('have lengths of the size that the sequence header says', () => {
    const header = (size: number) => tag(0x17, 0, 0, 0, 0, 1, 100, 0, 31, 0xfc | (size - 1), 0xe1);
    expect([1, 2, 4].map((size) => unitLengthSize(header(size)))).toEqual([1, 2, 4]);
    expect(unitLengthSize(picture(1, 5))).toBeNull();
    const short = insertUnits(tag(0x27, 1, 0, 0, 0, 0, 2, 1, 9), [Buffer.from([6, 0x80])], 2);
    expect(short.data.subarray(5).toString('hex')).toBe('00020680' + '00020109');
  });
});
