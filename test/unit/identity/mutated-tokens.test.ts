import { createInflate, deflateSync, inflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/domain/errors.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { verifyPrivateMapKey } from '../../../src/identity/private-map-key.ts';
import { verifyUserSig } from '../../../src/identity/user-sig.ts';
import { seededWhole } from '../../support/random.ts';
import {
  packedBytes,
  packToken,
  SAMPLE_APP,
  SAMPLE_KEY,
  SAMPLE_MAP_KEY,
  SAMPLE_NOW_MS,
  SAMPLE_STRING_MAP_KEY,
  SAMPLE_USER,
  SAMPLE_USER_SIG,
  tokenText,
  unpackToken,
} from '../../support/sig-text.ts';

const INFLATE_LIMIT = 8192;
/** Of each of the three tokens: more than 10,000 in all. */
const MUTATIONS = 3_400;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-_';
const USER = {
  secretKey: new Secret(SAMPLE_KEY),
  sdkAppId: SAMPLE_APP,
  userId: SAMPLE_USER,
  nowMs: SAMPLE_NOW_MS,
};

const whole = seededWhole(20_261_123);

function pick<T>(list: readonly T[]): T {
  return list[whole(list.length)] as T;
}

function char(): string {
  return whole(4) === 0 ? String.fromCharCode(whole(300)) : (ALPHABET[whole(ALPHABET.length)] ?? 'A');
}

function changeText(text: string): string {
  const chars = [...text];
  for (let left = 1 + whole(3); left > 0; left -= 1) {
    const at = whole(chars.length);
    const other = whole(chars.length);
    pick([
      () => chars.splice(at, 1, char()),
      () => chars.splice(at, 0, char()),
      () => chars.splice(at, 1 + whole(8)),
      () => chars.splice(at),
      () => chars.splice(0, at),
      () => chars.splice(at, 1, chars.splice(other, 1, chars[at] ?? '')[0] ?? ''),
      () => chars.push(...chars.slice(at)),
      () => chars.push(char()),
    ])();
    if (chars.length === 0) break;
  }
  return chars.join('');
}

function changeBytes(bytes: Buffer): Buffer {
  const at = whole(bytes.length);
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << whole(8));
  return pick([
    copy,
    bytes.subarray(0, at),
    Buffer.concat([bytes, Buffer.alloc(1 + whole(4), whole(256))]),
    Buffer.concat([bytes.subarray(0, at), Buffer.of(whole(256)), bytes.subarray(at)]),
  ]);
}

function changeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const name = pick(Object.keys(fields));
  const value = fields[name];
  const { [name]: _gone, ...rest } = fields;
  if (whole(6) === 0) return rest;
  const odd = pick([null, true, [], {}, [value], { value }, '', -1, 1.5, 1e300, '\n', '__proto__']);
  if (whole(3) === 0) return { ...rest, [name]: odd };
  if (typeof value === 'number')
    return { ...fields, [name]: value + pick([1, -1, 1000, 86_400, whole(1e9)]) };
  return { ...fields, [name]: changeText(String(value)) };
}

/** Valid tokens blown up by what compresses well, and streams of nothing else. */
function bomb(fields: Readonly<Record<string, unknown>>): string {
  const size = INFLATE_LIMIT + whole(pick([100, 20_000, 200_000]));
  const filler = char().repeat(size);
  return pick([
    () => packToken({ ...fields, filler }),
    () => packToken({ filler, ...fields }),
    () => tokenText(deflateSync(Buffer.from(JSON.stringify(fields) + ' '.repeat(size)))),
    () => tokenText(deflateSync(Buffer.alloc(size, whole(256)))),
    () => tokenText(deflateSync(Buffer.from('['.repeat(size)))),
  ])();
}

function mutate(token: string): string {
  return pick([
    () => changeText(token),
    () => changeText(token),
    () => tokenText(changeBytes(packedBytes(token))),
    () => packToken(changeFields(unpackToken(token))),
    () => tokenText(deflateSync(Buffer.from(changeText(JSON.stringify(unpackToken(token)))))),
    () => (whole(4) === 0 ? bomb(unpackToken(token)) : changeText(token)),
  ])();
}

/** Compressed in another way, or with another unsigned spelling of its JSON: no mutation, the very same token. */
function saysTheSame(mutated: string, token: string): boolean {
  try {
    const packed = packedBytes(mutated);
    if (tokenText(packed) !== mutated) return false;
    const { buffer, engine } = inflateSync(packed, { info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    if (engine.bytesWritten !== packed.length || buffer.length >= INFLATE_LIMIT) return false;
    const fields = JSON.parse(buffer.toString()) as Record<string, unknown>;
    const known = unpackToken(token);
    return Object.keys(known).every((name) => fields[name] === known[name]);
  } catch {
    return false;
  }
}

/** zlib's own call for one piece of work: the room for output is its seventh argument. */
interface ZlibHandle {
  writeSync(this: ZlibHandle, ...work: [number, Buffer, number, number, Buffer, number, number]): void;
}
const handle = Object.getPrototypeOf(
  (createInflate() as unknown as { _handle: ZlibHandle })._handle,
) as ZlibHandle;
const writeSync = handle.writeSync;
let allowed = 0;

beforeEach(() => {
  handle.writeSync = function measured(...work) {
    allowed += work[6];
    writeSync.apply(this, work);
  };
});
afterEach(() => {
  handle.writeSync = writeSync;
});

interface Outcome {
  readonly code: string;
  /** Bytes that zlib was allowed to write for it. */
  readonly allowed: number;
}

function judge(verify: () => void): Outcome {
  allowed = 0;
  try {
    verify();
    return { code: 'accepted', allowed };
  } catch (error) {
    return { code: error instanceof GatewayError ? error.code : `no GatewayError: ${error}`, allowed };
  }
}

const TOKENS = [
  ['UserSig', SAMPLE_USER_SIG, ['sig-malformed', 'sig-mismatch']],
  ['PrivateMapKey of an integer room', SAMPLE_MAP_KEY, ['ticket-invalid']],
  ['PrivateMapKey of a string room', SAMPLE_STRING_MAP_KEY, ['ticket-invalid']],
] as const;

describe.each(TOKENS)('mutations of a %s', (_what, token, codes) => {
  const verify =
    token === SAMPLE_USER_SIG
      ? (text: string) => verifyUserSig({ ...USER, userSig: text })
      : (text: string) => void verifyPrivateMapKey({ ...USER, privateMapKey: text });

  test(`are all refused, ${MUTATIONS} of them: none throws anything else, none inflates past 8 KB`, () => {
    expect(judge(() => verify(token))).toEqual({ code: 'accepted', allowed: INFLATE_LIMIT });
    const seen = new Map<string, string>();
    let most = 0;
    let same = 0;
    while (seen.size < MUTATIONS) {
      const mutated = mutate(token);
      if (seen.has(mutated)) continue;
      if (saysTheSame(mutated, token)) {
        same += 1;
        continue;
      }
      const outcome = judge(() => verify(mutated));
      seen.set(mutated, outcome.code);
      most = Math.max(most, outcome.allowed);
      if (!codes.some((code) => code === outcome.code)) expect.fail(`${outcome.code}: ${mutated}`);
    }
    expect(new Set(seen.values())).toEqual(new Set(codes));
    expect(most).toBe(INFLATE_LIMIT);
    expect(same).toBeLessThan(MUTATIONS / 20);
  }, 60_000);

  test('that are a bomb are given no more than 8 KB, whatever they would unpack to', () => {
    const fields = unpackToken(token);
    for (const bytes of [8192, 8193, 16_384, 65_536, 2_500_000]) {
      const around = JSON.stringify({ ...fields, filler: '' }).length;
      const bombs = [
        packToken({ ...fields, filler: ' '.repeat(bytes - around) }),
        tokenText(deflateSync(Buffer.alloc(bytes))),
      ];
      for (const text of bombs) {
        expect(text.length).toBeLessThan(4096);
        expect(judge(() => verify(text))).toEqual({ code: codes[0], allowed: INFLATE_LIMIT });
      }
    }
    const most = JSON.stringify({ ...fields, filler: '' }).length;
    const full = packToken({ ...fields, filler: ' '.repeat(INFLATE_LIMIT - 1 - most) });
    expect(judge(() => verify(full))).toEqual({ code: 'accepted', allowed: INFLATE_LIMIT });
  });
});
