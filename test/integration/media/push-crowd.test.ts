import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pino from 'pino';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TargetStatus } from '../../../src/domain/job.ts';
import { showRtmpUrl } from '../../../src/domain/push/rtmp-url.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type FlvTag, isMedia, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createPushRun, DEFAULT_PUSH_SETTINGS, type PushRun } from '../../../src/media/push/push-run.ts';
import type { TargetSpec } from '../../../src/media/push/target-spec.ts';
import { makeClip, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvPlayer, playClip } from '../../support/flv-player.ts';
import { type RtmpSink, type RtmpSinkOptions, startRtmpSink } from '../../support/rtmp-sink.ts';

const CROWD = 200;
const HANGING = 20;
const WAIT_MS = 60_000;
const MB = 1024 * 1024;
const QUEUE_BYTES = MB;
const FRAME_BYTES = 300_000;

let clip: FlvTag[];
let run: PushRun;
let player: FlvPlayer | null = null;
const sinks: RtmpSink[] = [];

beforeAll(async () => {
  clip = parseFlv(await makeClip({ seconds: 4 }));
});

afterEach(async () => {
  player?.stop();
  await run?.close();
  for (const sink of sinks.splice(0)) await sink.close();
});

async function openSink(options: RtmpSinkOptions = {}): Promise<RtmpSink> {
  const sink = await startRtmpSink({ onMedia: () => undefined, ...options });
  sinks.push(sink);
  return sink;
}

function specs(name: string, count: number, sink: RtmpSink): TargetSpec[] {
  const shownUrl = showRtmpUrl(sink.url);
  return Array.from({ length: count }, (_, index) => ({
    id: `${name}-${index}`,
    url: new Secret(sink.url),
    shownUrl,
  }));
}

/** Statuses of the targets of that name. */
function targets(name: string): TargetStatus[] {
  return run.status().targets.filter((target) => target.targetId.startsWith(`${name}-`));
}

function allLive(name: string): boolean {
  return targets(name).every((target) => target.state === 'live');
}

/** The same frame with so much behind it that queues are soon full. */
function fatten(tag: FlvTag): FlvTag {
  const isFrame = isMedia(tag) && tag.type === TAG_VIDEO;
  return isFrame ? { ...tag, data: Buffer.concat([tag.data, Buffer.alloc(FRAME_BYTES)]) } : tag;
}

/** Memory that is in use outside of the heap, garbage apart. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().arrayBuffers;
}

describe('a push run with many targets', () => {
  it('has two hundred that lost their server in one moment live again, and one elsewhere unharmed', async () => {
    const [home, elsewhere] = [await openSink(), await openSink()];
    run = createPushRun({ log: pino({ level: 'silent' }) });
    run.setTargets([...specs('crowd', CROWD, home), ...specs('other', 1, elsewhere)]);
    run.onStreamStart();
    player = playClip(clip, (tag) => run.onTag(tag));
    await eventually(() => allLive('crowd') && allLive('other'), WAIT_MS);
    home.reset();
    await eventually(() => home.publishes === 2 * CROWD && allLive('crowd'), WAIT_MS);
    expect(targets('crowd').map((target) => target.sessions)).toEqual(Array(CROWD).fill(2));
    expect(targets('other')).toMatchObject([{ state: 'live', sessions: 1, droppedFrames: 0 }]);
    expect(elsewhere.publishes).toBe(1);
  });

  it('holds no more than the queues of those that read nothing, and gives the others everything', async () => {
    const [hanging, reading] = [await openSink({ bytesPerSecond: 0 }), await openSink()];
    const session = { ...DEFAULT_PUSH_SETTINGS.session, maxQueueBytes: QUEUE_BYTES };
    run = createPushRun({
      log: pino({ level: 'silent' }),
      settings: { ...DEFAULT_PUSH_SETTINGS, session },
    });
    const before = heldBytes();
    run.setTargets([...specs('hanging', HANGING, hanging), ...specs('good', 1, reading)]);
    run.onStreamStart();
    player = playClip(clip, (tag) => run.onTag(fatten(tag)));
    let most = 0;
    await eventually(() => {
      most = Math.max(most, heldBytes() - before);
      return targets('hanging').every((target) => target.lastError?.code === 'stalled');
    }, WAIT_MS);
    expect(targets('hanging').every((target) => target.droppedFrames > 0)).toBe(true);
    expect(targets('good')).toMatchObject([{ state: 'live', sessions: 1, droppedFrames: 0 }]);
    expect(most / MB).toBeLessThan(2 * HANGING);
  });
});
