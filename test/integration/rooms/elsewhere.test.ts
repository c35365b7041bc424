import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFlv } from '../../support/clip.ts';
import { Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { watchFlv } from '../../support/flv-watch.ts';
import { type Publisher, startPublisher } from '../../support/publisher.ts';
import { makeTestDir, type RunningRoomcast } from '../../support/roomcast.ts';
import { cliJson } from '../../support/studio.ts';

const ROOM = '62';
const WAIT_MS = 60_000;

let cluster: Cluster;
/** Has the stream. */
let home: RunningRoomcast;
let other: RunningRoomcast;
let publisher: Publisher;
let stream: string;

beforeAll(async () => {
  cluster = await Cluster.open();
  [home, other] = await Promise.all([cluster.startGateway(), cluster.startGateway()]);
  const dir = await makeTestDir('elsewhere');
  const clip = await makeFlv({ dir, name: 'camera', seconds: 2, size: '160x90', fps: 15, gop: 15 });
  const args = ['publish-url', '--room', ROOM, '--user', 'red'];
  publisher = startPublisher((await cliJson<{ url: string }>(home, ...args)).url, clip);
  stream = `${home.app.sdkAppId}_${ROOM}_red_main`;
  await eventually(async () => (await cliJson<object[]>(other, 'rooms')).length === 1, WAIT_MS);
});

afterAll(async () => {
  await publisher?.kill();
  await cluster?.close();
});

/** Status and target of a request that follows nothing. */
async function ask(url: string): Promise<readonly [number, string | null]> {
  const answer = await fetch(url, { redirect: 'manual' });
  await answer.body?.cancel();
  return [answer.status, answer.headers.get('location')];
}

it('whichever gateway is asked where a stream is watched names the one that has it', async () => {
  const urls = await cliJson<{ flv: string; rtmp: string; hls: string }>(other, 'play-url', stream);
  expect(urls.flv.startsWith(`${home.http}/live/${stream}.flv?ticket=`)).toBe(true);
  expect(urls.hls.startsWith(`${home.http}/hls/${stream}/index.m3u8?ticket=`)).toBe(true);
  expect(urls.rtmp.startsWith(`${home.rtmp}/live/${stream}?ticket=`)).toBe(true);
  const viewer = watchFlv(urls.flv);
  await eventually(() => viewer.tags.length > 10, WAIT_MS);
  viewer.close();
});

it('a gateway that is asked for a stream of another sends the viewer there with its ticket', async () => {
  for (const path of [`/live/${stream}.flv`, `/hls/${stream}/index.m3u8`, `/hls/${stream}/7.m4s`]) {
    const query = '?ticket=a%2Bb&more=1';
    expect(await ask(`${other.http}${path}${query}`)).toEqual([307, `${home.http}${path}${query}`]);
    // There it is judged, and no way leads on.
    expect((await ask(`${home.http}${path}${query}`))[1]).toBeNull();
  }
});

it('nobody is sent anywhere but to a gateway, for a room that is there', async () => {
  const names = [`${home.app.sdkAppId}_63_red_main`, 'no-stream', '..%2F..%2Fx', '%2F%2Fevil.test'];
  for (const name of names) {
    expect(await ask(`${other.http}/live/${name}.flv`)).toEqual([404, null]);
    expect(await ask(`${other.http}/hls/${name}/index.m3u8`)).toEqual([404, null]);
  }
});
