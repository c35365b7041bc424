import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  compositionTime,
  type FlvTag,
  isKeyFrame,
  isMedia,
  isSequenceHeader,
  TAG_VIDEO,
} from '../../../src/media/flv/tag.ts';
import { openRtmpPublisher, type RtmpPublisher } from '../../../src/media/rtmp/publisher.ts';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvPlayer, playClip } from '../../support/flv-player.ts';
import { watchFlv } from '../../support/flv-watch.ts';
import { APP_ID, HubRig, ticket } from '../../support/hub-rig.ts';
import { RawRtmp } from '../../support/raw-rtmp.ts';

const ALICE = `${APP_ID}_1001_alice_main`;

let clip: readonly FlvTag[];
let rig: HubRig;
let publisher: RtmpPublisher | null = null;
let player: FlvPlayer | null = null;

beforeAll(async () => {
  rig = await HubRig.open();
  const picture = 'testsrc2=size=320x180:rate=30';
  clip = await makeEnhancedClip({ codec: 'hvc1', picture, toneHz: 440, seconds: 4, bFrames: 2 });
  publisher = await openRtmpPublisher({ url: rig.publishUrl({ user: 'alice' }), mergeMs: 0 });
  for (const tag of clip) if (isSequenceHeader(tag)) publisher.write(tag);
  player = playClip(clip, (tag) => publisher?.write(tag));
  await eventually(() => rig.hub.isLive(ALICE));
});

afterAll(async () => {
  player?.stop();
  await publisher?.close();
  await rig.close();
});

/** What a viewer gets who comes while the stream runs, up to its third key frame. */
async function watchLate(url: string): Promise<FlvTag[]> {
  await eventually(() => player !== null && player.played > 60);
  const viewer = watchFlv(url);
  await eventually(() => viewer.tags.filter(isKeyFrame).length >= 3);
  viewer.close();
  return viewer.tags.filter((tag) => tag.type === TAG_VIDEO);
}

test('H.265 by enhanced RTMP comes out over HTTP-FLV as it went in: header, key frame, every picture', async () => {
  const tags = await watchLate(`${rig.http}/live/${ALICE}.flv?ticket=${ticket('play', ALICE)}`);
  const [header] = clip.filter((tag) => tag.type === TAG_VIDEO && isSequenceHeader(tag));
  expect(tags[0]?.data).toEqual(header?.data);
  const sent = clip.filter((tag) => tag.type === TAG_VIDEO && isMedia(tag));
  const got = tags.filter(isMedia);
  expect(got[0] && isKeyFrame(got[0])).toBe(true);
  const first = sent.findIndex((tag) => tag.data.equals(got[0]?.data ?? Buffer.alloc(0)));
  for (const [at, tag] of got.entries()) expect(tag.data).toEqual(sent[(first + at) % sent.length]?.data);
  expect(got.some((tag) => compositionTime(tag) > 0)).toBe(true);
});

test('and over RTMP', async () => {
  const viewer = await RawRtmp.connected(rig.hub.port, 'live');
  viewer.command('play', null, `${ALICE}?ticket=${ticket('play', ALICE)}`);
  await viewer.until('hvc1');
  viewer.destroy();
});

test('an encoder that names its codecs when it connects is welcome', async () => {
  const client = await RawRtmp.shakeHands(rig.hub.port);
  client.command('connect', {
    ...{ app: 'push', tcUrl: 'rtmp://127.0.0.1/push' },
    ...{ fourCcList: ['av01', 'vp09', 'hvc1'], videoFourCcInfoMap: { hvc1: 4 }, capsEx: 15 },
  });
  await client.until('NetConnection.Connect.Success');
  client.destroy();
});
