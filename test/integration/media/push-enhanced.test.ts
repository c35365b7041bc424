import pino from 'pino';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { isKeyFrame, isMedia, isSequenceHeader, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createPushRun, DEFAULT_PUSH_SETTINGS } from '../../../src/media/push/push-run.ts';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import { playClip } from '../../support/flv-player.ts';
import { startRtmpSink } from '../../support/rtmp-sink.ts';

test('a user in H.265 is relayed as is: header, key frame, then every picture', async () => {
  const picture = 'testsrc2=size=320x180:rate=30';
  const clip = await makeEnhancedClip({ codec: 'hvc1', picture, toneHz: 440, seconds: 4, bFrames: 2 });
  const sink = await startRtmpSink();
  const log = pino({ level: 'silent' });
  const run = createPushRun({ log, random: () => 0.5, settings: DEFAULT_PUSH_SETTINGS });
  run.onStreamStart();
  const player = playClip(clip, (tag) => run.onTag(tag));
  try {
    await eventually(() => player.played > 100);
    run.setTargets([{ id: 'a', url: new Secret(sink.url), shownUrl: sink.url }]);
    const received = () =>
      sink.media
        .filter((message) => message.type === TAG_VIDEO)
        .map(({ timestamp, data }) => ({ type: TAG_VIDEO, timestamp, data: Buffer.from(data) }) as const);
    await eventually(() => received().filter(isKeyFrame).length >= 3);
    const [header, ...frames] = received();
    expect(header && isSequenceHeader(header)).toBe(true);
    expect(frames[0] && isKeyFrame(frames[0])).toBe(true);
    const sent = clip.filter((tag) => tag.type === TAG_VIDEO && isMedia(tag));
    const got = frames.filter(isMedia);
    const first = sent.findIndex((tag) => tag.data.equals(got[0]?.data ?? Buffer.alloc(0)));
    for (const [at, tag] of got.entries()) expect(tag.data).toEqual(sent[(first + at) % sent.length]?.data);
  } finally {
    player.stop();
    await run.close();
    await sink.close();
  }
});
