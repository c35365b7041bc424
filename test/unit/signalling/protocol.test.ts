import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRequest, protocolJsonSchema } from '../../../src/signalling/protocol.ts';
import { REQUEST_TYPES } from '../../../src/signalling/protocol-requests.ts';

const DOCS = path.resolve(import.meta.dirname, '../../../docs');
const LOGIN = { id: 1, type: 'login', v: 1, appId: 7, userId: 'ann', userSig: 'x' };

function parse(value: unknown) {
  return parseRequest(JSON.stringify(value));
}

describe('the protocol of signalling', () => {
  it('is told by docs/signalling.schema.json as the code has it', () => {
    const stored = JSON.parse(readFileSync(path.join(DOCS, 'signalling.schema.json'), 'utf8')) as unknown;
    expect(stored).toEqual(protocolJsonSchema());
  });

  it('is told by docs/signalling.md with every request, answered by type', () => {
    const text = readFileSync(path.join(DOCS, 'signalling.md'), 'utf8');
    expect(REQUEST_TYPES.filter((type) => !text.includes(`\`${type}\``))).toEqual([]);
    const { $defs } = protocolJsonSchema() as { $defs: object };
    expect(REQUEST_TYPES.filter((type) => !(`answer.${type}` in $defs))).toEqual([]);
  });

  it.each([
    ['a login', LOGIN],
    ['an entry', { id: 2, type: 'enter', room: { kind: 'number', value: 4_294_967_295 } }],
    ['a level without an id, which is not answered', { type: 'level', level: 100 }],
  ])('takes %s', (_what, value) => {
    expect(parse(value)).toEqual({ kind: 'request', request: value });
  });

  it('ignores fields that it does not know', () => {
    expect(parse({ ...LOGIN, more: { of: 'it' } })).toEqual({ kind: 'request', request: LOGIN });
  });

  it.each([
    ['a type that it does not know', { id: 3, type: 'dance' }, "no request of type 'dance'"],
    ['another version', { ...LOGIN, v: 2 }, 'v: '],
    ['room 0', { id: 3, type: 'enter', room: { kind: 'number', value: 0 } }, 'room.value: '],
    ['a level above 100', { id: 3, type: 'level', level: 101 }, 'level: '],
  ])('refuses %s, says why, and answers under its id', (_what, value, why) => {
    const parsed = parse(value);
    if (parsed.kind !== 'refused') throw new Error(`it was taken as ${parsed.kind}`);
    expect(parsed.id).toBe(value.id);
    expect(parsed.error.code).toBe('bad-request');
    expect(parsed.error.message).toContain(why);
  });

  it('repeats nothing of a UserSig that is too long', () => {
    const parsed = parse({ ...LOGIN, userSig: 'secret'.repeat(1000) });
    expect(JSON.stringify(parsed.kind === 'refused' && parsed.error.message)).not.toContain('secret');
  });

  it.each(['', '{', '[]', 'null', '7', '{"id":1}', '{"id":"1","type":"ping"}', '{"id":1.5,"type":"ping"}'])(
    'knows that %j can not be answered',
    (text) => {
      expect(parseRequest(text).kind).toBe('garbage');
    },
  );
});
