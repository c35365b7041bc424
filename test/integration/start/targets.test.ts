import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeAuthority } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { makeTestDir, type RunningRoomcast, startRoomcast } from '../../support/roomcast.ts';
import { type RtmpSink, startRtmpSink } from '../../support/rtmp-sink.ts';
import { GUESTS, type ListedTarget, Studio } from '../../support/studio.ts';
import { startTlsFront, type TlsFront } from '../../support/tls-front.ts';

const ROOM = 62;
const WAIT_MS = 60_000;
const ANN = GUESTS.red;

let env: Record<string, string>;
let secure: RtmpSink;
let front: TlsFront;
let quiet: RtmpSink;
let roomcast: RunningRoomcast;
let studio: Studio;
let taskId: string;

beforeAll(async () => {
  const dir = await makeTestDir('authority');
  const authority = makeAuthority('a private authority');
  env = { ROOMCAST_CA_FILE: path.join(dir, 'ca.pem') };
  await writeFile(path.join(dir, 'ca.pem'), authority.cert);
  [secure, quiet] = [await startRtmpSink(), await startRtmpSink()];
  front = await startTlsFront(secure.port, authority.issue({ names: ['localhost'] }));
  roomcast = await startRoomcast({ env, dataDir: await makeTestDir('targets') });
  studio = await Studio.open([ANN]);
  await studio.publish(roomcast, ROOM, ANN);
  const paused = { url: `rtmp://127.0.0.1:${quiet.port}/live/quiet`, paused: true };
  const targets = [`rtmps://localhost:${front.port}/live/secure`, paused];
  const body = { room: ROOM, single: { userId: ANN.userId }, maxIdleSeconds: 300, targets };
  ({ taskId } = await api<{ taskId: string }>('POST', '/relays', body));
});

afterAll(async () => {
  await studio?.close();
  await roomcast?.stop();
  for (const server of [front, secure, quiet]) await server?.close();
});

async function api<T>(method: string, route: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${roomcast.http}/api/v1${route}`, {
    method,
    headers: { authorization: `Bearer ${roomcast.adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

interface Shown {
  readonly targets: readonly (ListedTarget & { readonly id: string; readonly reconnects: number })[];
}

async function shown() {
  const { targets } = await api<Shown>('GET', `/relays/${taskId}`);
  const [first, second] = targets;
  if (first === undefined || second === undefined) throw new Error('a target is missing');
  return { first, second };
}

/** Media goes on to arrive at that server. */
async function mediaGrows({ media }: RtmpSink): Promise<void> {
  const before = media.length;
  await eventually(() => media.length > before + 50, WAIT_MS);
}

it('a server with the certificate of an authority that ROOMCAST_CA_FILE names is live', async () => {
  await eventually(async () => (await shown()).first.state === 'live', WAIT_MS);
  expect(front.names).toEqual(['localhost']);
  await mediaGrows(secure);
});

it('another merge window and other retries leave the session of a live target alone', async () => {
  const { first } = await shown();
  for (const mergeMs of [350, 0, 40]) {
    const retry = { network: { firstSeconds: 0.5, maxSeconds: 2 } };
    await api('PATCH', `/relays/${taskId}`, { change: [{ target: first.id, mergeMs, retry }] });
    await mediaGrows(secure);
  }
  const after = (await shown()).first;
  expect(after).toMatchObject({ id: first.id, state: 'live', reconnects: 0 });
  expect(secure.publishes).toBe(1);
  const times = secure.media.filter(({ type }) => type === 9).map(({ timestamp }) => timestamp);
  // No picture is left out or sent twice: 30 a second.
  const gaps = times.slice(2).map((time, index) => time - (times[index + 1] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(100);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

it('a paused target stays paused when everything is started anew, and is live once it is resumed', async () => {
  expect((await shown()).second.state).toBe('paused');
  await roomcast.stop();
  roomcast = await startRoomcast({ env, dataDir: roomcast.dataDir });
  await studio.publish(roomcast, ROOM, ANN);
  await eventually(async () => (await shown()).first.state === 'live', WAIT_MS);
  const { second } = await shown();
  expect(second.state).toBe('paused');
  expect(quiet.connections).toBe(0);
  await api('POST', `/relays/${taskId}/resume`, { url: second.id });
  await eventually(async () => (await shown()).second.state === 'live', WAIT_MS);
  await mediaGrows(quiet);
});
