import { describe, expect, it } from 'vitest';
import type { GatewayError } from '../../../../src/domain/errors.ts';
import { parseRtmpUrl } from '../../../../src/domain/push/rtmp-url.ts';
import { type AmfValue, encodeAmf } from '../../../../src/media/flv/amf.ts';
import { encodeMessage } from '../../../../src/media/rtmp/chunks.ts';
import { firstRoute, nextRoute, type Route, routeNames } from '../../../../src/media/rtmp/route.ts';
import { createRtmpSession } from '../../../../src/media/rtmp/session.ts';
import { seededWhole } from '../../../support/random.ts';

const KEY = 'secret-key-1';
const ECHO = 'text-of-the-server';
const URL = parseRtmpUrl(`rtmp://user:password-1@h/live/${KEY}?a=b`);
const HELLO = Buffer.concat([Buffer.from([3]), Buffer.alloc(3072, 5)]);

interface Outcome {
  readonly sentBytes: number;
  readonly error: GatewayError | null;
  readonly route: Route | null;
}

/** Plays what a server sends, in pieces, to a session and to what decides on its refusal. */
function play(bytes: Buffer, pieceBytes: number): Outcome {
  let sentBytes = 0;
  let error: GatewayError | null = null;
  let route: Route | null = null;
  const session = createRtmpSession(routeNames(firstRoute(URL)), 250_000, {
    send: (sent) => {
      sentBytes += sent.length;
    },
    onPhase: () => undefined,
    onConnectRefused: (refusal) => {
      try {
        route = nextRoute(firstRoute(URL), refusal);
      } catch (thrown) {
        error = thrown as GatewayError;
      }
    },
    onFailure: (failure) => {
      error = failure;
    },
    onAcknowledged: () => undefined,
  });
  session.start();
  for (let at = 0; at < bytes.length; at += pieceBytes) session.push(bytes.subarray(at, at + pieceBytes));
  session.finish();
  return { sentBytes, error, route };
}

function expectHarmless({ sentBytes, error, route }: Outcome, receivedBytes: number): void {
  if (error !== null) {
    expect(error.code).toMatch(/^(handshake-failed|app-refused|key-refused|login-refused|closed-by-peer)$/);
    const told = JSON.stringify([error.message, error.context]);
    expect(told).not.toContain(KEY);
    expect(told).not.toContain('password-1');
    expect(told).not.toContain(ECHO);
  }
  if (route !== null) expect(JSON.stringify(routeNames(route)).length).toBeLessThan(10_000);
  // Handshake, commands and answers to pings: never more than in proportion to what came.
  expect(sentBytes).toBeLessThan(20_000 + 10 * receivedBytes);
}

function message(type: number, data: Buffer): Buffer {
  return encodeMessage({ type, timestamp: 0, streamId: 0, data }, { chunkStreamId: 3, chunkBytes: 128 });
}

function conversation(random: (below: number) => number): Buffer {
  const info = () => ({
    level: ['status', 'error', ECHO][random(3)],
    code: [
      'NetConnection.Connect.Success',
      'NetConnection.Connect.Rejected',
      'NetStream.Publish.Start',
      ECHO,
    ][random(4)],
    description: [`${ECHO} ${KEY}`, `[ authmod=adobe ] : ?reason=needauth&salt=${ECHO}`, 'authmod=llnw'][
      random(3)
    ],
    ...(random(3) === 0 ? { ex: { code: 302, redirect: [`rtmp://${ECHO}/${KEY}`, ECHO][random(2)] } } : {}),
  });
  const one = (): Buffer => {
    const names: AmfValue[] = ['_result', '_error', 'onStatus', 'onFCPublish', ECHO];
    const values = [names[random(names.length)], random(6), random(2) ? null : {}, random(4) ? info() : 1];
    if (random(3) > 0) return message(random(8) === 0 ? 17 : 20, encodeAmf(values));
    return message(1 + random(22), Buffer.from(Array.from({ length: random(12) }, () => random(256))));
  };
  return Buffer.concat(Array.from({ length: 1 + random(12) }, one));
}

describe('a session with a hostile server', () => {
  it('survives random bytes behind the handshake', () => {
    const random = seededWhole(21);
    for (let round = 0; round < 1500; round += 1) {
      const noise = Buffer.from(Array.from({ length: random(600) }, () => random(256)));
      expectHarmless(play(Buffer.concat([HELLO, noise]), 1 + random(200)), noise.length);
    }
  });

  it('survives conversations in any order, whole and damaged, and repeats nothing of them', () => {
    const random = seededWhole(22);
    const codes = new Set<string>();
    for (let round = 0; round < 3000; round += 1) {
      const bytes = conversation(random);
      for (let damage = random(3); damage > 0; damage -= 1) bytes[random(bytes.length)] = random(256);
      const outcome = play(Buffer.concat([HELLO, bytes]), 1 + random(400));
      expectHarmless(outcome, bytes.length);
      if (outcome.error !== null) codes.add(outcome.error.code);
      if (outcome.route !== null) codes.add(outcome.route.loginQuery === '' ? 'redirected' : 'logged in');
    }
    // The conversations reach every decision there is.
    expect([...codes].sort()).toEqual([
      'app-refused',
      'handshake-failed',
      'key-refused',
      'logged in',
      'login-refused',
      'redirected',
    ]);
  });
});
