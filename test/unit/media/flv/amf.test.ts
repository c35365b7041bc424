import { describe, expect, it } from 'vitest';
import { type AmfValue, amfFields, decodeAmf, encodeAmf } from '../../../../src/media/flv/amf.ts';

const badMedia = expect.objectContaining({ code: 'bad-media' });

describe('AMF0', () => {
  it('reads back what it writes', () => {
    const values: AmfValue[] = [
      'connect',
      1,
      -0.5,
      true,
      null,
      undefined,
      { app: 'live', deep: { list: [1, 'zwei', { c: false }] }, näme: '€' },
      'x'.repeat(70_000),
    ];
    expect(decodeAmf(encodeAmf(values))).toEqual(values);
  });

  it('writes a command as servers expect it', () => {
    expect(encodeAmf(['a', 2, null, { b: true }]).toString('hex')).toBe(
      ['02000161', '004000000000000000', '05', '03000162', '0101', '000009'].join(''),
    );
  });

  it('reads ECMA arrays, dates and an array whose end mark is missing', () => {
    const ecma = Buffer.from('08000000010001610000000000000000000000 09'.replace(' ', ''), 'hex');
    expect(decodeAmf(ecma)).toEqual([{ a: 0 }]);
    expect(decodeAmf(ecma.subarray(0, -3))).toEqual([{ a: 0 }]);
    expect(decodeAmf(Buffer.from('0b408f4000000000000000', 'hex'))).toEqual([1000]);
  });

  const damages: [string, Buffer][] = [
    ['a text that ends early', encodeAmf(['hello']).subarray(0, -1)],
    ['objects nested a thousand deep', Buffer.from('03000161'.repeat(1000), 'hex')],
    ['an array of four billion', Buffer.from('0affffffff05', 'hex')],
    ['more values than anybody needs', Buffer.alloc(10_000, 5)],
    ['an unknown marker', Buffer.from([0x20])],
  ];
  for (const [name, bytes] of damages) {
    it(`refuses ${name}`, () => expect(() => decodeAmf(bytes)).toThrowError(badMedia));
  }

  it('has no fields where there is no object, and no way into the prototype', () => {
    expect(amfFields('x')).toEqual({});
    expect(amfFields([1])).toEqual({});
    const name = Buffer.from('__proto__').toString('hex');
    const evil = Buffer.from(
      ['03', '0009', name, '03', '0001', '61', '0101', '000009', '000009'].join(''),
      'hex',
    );
    decodeAmf(evil);
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
});
