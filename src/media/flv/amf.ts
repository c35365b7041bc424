import { GatewayError } from '../../domain/errors.ts';

/** What we exchange in AMF0; `undefined` is its own marker, dates arrive as ms. */
export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | readonly AmfValue[]
  | { readonly [key: string]: AmfValue };

const MARKER = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  reference: 7,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
} as const;

const MAX_DEPTH = 16;
const MAX_VALUES = 4096;
const MAX_SHORT_STRING = 0xffff;

function encodeName(name: string): Buffer {
  const text = Buffer.from(name, 'utf8');
  if (text.length > MAX_SHORT_STRING) throw new GatewayError('internal', 'an AMF name is too long');
  const head = Buffer.alloc(2);
  head.writeUInt16BE(text.length);
  return Buffer.concat([head, text]);
}

function encodeString(text: string): Buffer {
  const body = Buffer.from(text, 'utf8');
  const long = body.length > MAX_SHORT_STRING;
  const head = Buffer.alloc(long ? 5 : 3);
  head[0] = long ? MARKER.longString : MARKER.string;
  if (long) head.writeUInt32BE(body.length, 1);
  else head.writeUInt16BE(body.length, 1);
  return Buffer.concat([head, body]);
}

function encodeNumber(value: number): Buffer {
  const out = Buffer.alloc(9);
  out.writeDoubleBE(value, 1);
  return out;
}

function encodeArray(values: readonly AmfValue[]): Buffer {
  const head = Buffer.alloc(5);
  head[0] = MARKER.strictArray;
  head.writeUInt32BE(values.length, 1);
  return Buffer.concat([head, ...values.map(encodeValue)]);
}

function encodeValue(value: AmfValue): Buffer {
  switch (typeof value) {
    case 'number':
      return encodeNumber(value);
    case 'boolean':
      return Buffer.from([MARKER.boolean, value ? 1 : 0]);
    case 'string':
      return encodeString(value);
    case 'undefined':
      return Buffer.from([MARKER.undefined]);
    default: {
      if (value === null) return Buffer.from([MARKER.null]);
      if (Array.isArray(value)) return encodeArray(value);
      const fields = Object.entries(value).flatMap(([name, field]) => [encodeName(name), encodeValue(field)]);
      return Buffer.concat([Buffer.from([MARKER.object]), ...fields, Buffer.from([0, 0, MARKER.objectEnd])]);
    }
  }
}

/** The values one after another in AMF0. */
export function encodeAmf(values: readonly AmfValue[]): Buffer {
  return Buffer.concat(values.map(encodeValue));
}

interface Cursor {
  readonly buffer: Buffer;
  at: number;
  values: number;
}

function broken(what: string): GatewayError {
  return new GatewayError('bad-media', `bad AMF0: ${what}`, { blame: 'source' });
}

function take(cursor: Cursor, bytes: number): number {
  const at = cursor.at;
  if (at + bytes > cursor.buffer.length) throw broken('it ends early');
  cursor.at += bytes;
  return at;
}

function readText(cursor: Cursor, bytes: number): string {
  const at = take(cursor, bytes);
  return cursor.buffer.toString('utf8', at, at + bytes);
}

function readShortText(cursor: Cursor): string {
  return readText(cursor, cursor.buffer.readUInt16BE(take(cursor, 2)));
}

function readFields(cursor: Cursor, depth: number): AmfValue {
  const fields: [string, AmfValue][] = [];
  for (;;) {
    // Some writers leave the end mark of the outermost array out.
    if (cursor.at >= cursor.buffer.length && depth === 1) break;
    const name = readShortText(cursor);
    if (name === '' && cursor.buffer[cursor.at] === MARKER.objectEnd) {
      cursor.at += 1;
      break;
    }
    fields.push([name, readValue(cursor, depth)]);
  }
  // fromEntries defines own properties, so a field named __proto__ is only a field.
  return Object.fromEntries(fields);
}

function readArray(cursor: Cursor, depth: number): AmfValue {
  const count = cursor.buffer.readUInt32BE(take(cursor, 4));
  if (count > MAX_VALUES) throw broken('too many values');
  return Array.from({ length: count }, () => readValue(cursor, depth));
}

function readDate(cursor: Cursor): number {
  const ms = cursor.buffer.readDoubleBE(take(cursor, 8));
  take(cursor, 2);
  return ms;
}

function readValue(cursor: Cursor, depth: number): AmfValue {
  cursor.values += 1;
  if (depth > MAX_DEPTH) throw broken('nested too deep');
  if (cursor.values > MAX_VALUES) throw broken('too many values');
  const marker = cursor.buffer[take(cursor, 1)];
  switch (marker) {
    case MARKER.number:
      return cursor.buffer.readDoubleBE(take(cursor, 8));
    case MARKER.boolean:
      return cursor.buffer[take(cursor, 1)] !== 0;
    case MARKER.string:
      return readShortText(cursor);
    case MARKER.longString:
      return readText(cursor, cursor.buffer.readUInt32BE(take(cursor, 4)));
    case MARKER.null:
      return null;
    case MARKER.undefined:
    case MARKER.unsupported:
      return undefined;
    case MARKER.ecmaArray:
      take(cursor, 4);
      return readFields(cursor, depth + 1);
    case MARKER.object:
      return readFields(cursor, depth + 1);
    case MARKER.strictArray:
      return readArray(cursor, depth + 1);
    case MARKER.date:
      return readDate(cursor);
    default:
      throw broken('a marker we do not know');
  }
}

/** All values of an AMF0 text, bounded in depth and number; throws `bad-media`. */
export function decodeAmf(buffer: Buffer): AmfValue[] {
  const cursor: Cursor = { buffer, at: 0, values: 0 };
  const out: AmfValue[] = [];
  while (cursor.at < buffer.length) out.push(readValue(cursor, 0));
  return out;
}

/** The values of an AMF0 text up to the first that cannot be read. */
export function decodeAmfStart(buffer: Buffer): AmfValue[] {
  const cursor: Cursor = { buffer, at: 0, values: 0 };
  const out: AmfValue[] = [];
  try {
    while (cursor.at < buffer.length) out.push(readValue(cursor, 0));
  } catch {
    // What came before it stands.
  }
  return out;
}

/** The value as an object of fields, or an empty one when it is none. */
export function amfFields(value: AmfValue): Readonly<Record<string, AmfValue>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, AmfValue>>) : {};
}
