import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TargetState, TargetStatus } from '../../../src/domain/job.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type FlvTag, isMedia, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createPushRun, DEFAULT_PUSH_SETTINGS, type PushRun } from '../../../src/media/push/push-run.ts';
import type { TargetChange } from '../../../src/media/push/target-spec.ts';
import { makeClip, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvPlayer, playClip } from '../../support/flv-player.ts';
import { type RtmpSink, type RtmpSinkOptions, startRtmpSink } from '../../support/rtmp-sink.ts';

const HABITS: Readonly<Record<string, RtmpSinkOptions>> = {
  good: {},
  quiet: { acknowledges: false },
  mute: { acknowledges: false, bytesPerSecond: 0 },
  polite: { bytesPerSecond: 0 },
  drip: { bytesPerSecond: 10_000 },
  silentDrip: { acknowledges: false, bytesPerSecond: 10_000 },
  hung: {},
};

let run: PushRun;
let player: FlvPlayer;
const changes: TargetChange[] = [];
const sinks = new Map<string, RtmpSink>();

beforeAll(async () => {
  // 4 Mbit/s, of which 3.2 are filling.
  const clip = parseFlv(await makeClip({ seconds: 4 })).map(fatten);
  for (const [id, options] of Object.entries(HABITS)) sinks.set(id, await startRtmpSink(options));
  run = createPushRun({
    log: pino({ level: 'silent' }),
    random: () => 0.5,
    settings: DEFAULT_PUSH_SETTINGS,
    onTargetChange: (change) => changes.push(change),
  });
  run.setTargets([...sinks].map(([id, { url }]) => ({ id, url: new Secret(url), shownUrl: `rtmp://${id}` })));
  run.onStreamStart();
  player = playClip(clip, (tag) => run.onTag(tag));
});

afterAll(async () => {
  player.stop();
  await run.close();
  for (const sink of sinks.values()) await sink.close();
});

function fatten(tag: FlvTag): FlvTag {
  if (tag.type !== TAG_VIDEO || !isMedia(tag)) return tag;
  return { ...tag, data: Buffer.concat([tag.data, Buffer.alloc(13_000)]) };
}

function target(id: string): TargetStatus {
  const found = run.status().targets.find((one) => one.targetId === id);
  if (!found) throw new Error(`no target ${id}`);
  return found;
}

function statesOf(id: string): TargetState[] {
  return changes.filter((change) => change.targetId === id).map(({ to }) => to);
}

async function fails(id: string, code: string): Promise<TargetStatus> {
  return eventually(() => (target(id).lastError?.code === code ? target(id) : null), 60_000);
}

describe('a target is live while its server takes the stream, and', () => {
  it('no more when the server stops reading in mid-stream, though its connection stays', async () => {
    await eventually(() => target('hung').onAirMs > 4000, 60_000);
    const before = target('hung').bytes;
    sinks.get('hung')?.stall();
    const hung = await fails('hung', 'stalled');
    expect(statesOf('hung').slice(0, 2)).toEqual(['connecting', 'live']);
    expect(hung.state).not.toBe('live');
    // What was on its way is all that can be taken for taken.
    expect(hung.bytes - before).toBeLessThan(1_500_000);
  });

  it('degraded, with the figures of it, when the server reads less than the stream has', async () => {
    const drips = [await fails('drip', 'too-slow'), await fails('silentDrip', 'too-slow')];
    expect(drips).toMatchObject([
      { state: 'degraded', sessions: 1, takenBy: 'peer' },
      { state: 'degraded', sessions: 1, takenBy: 'kernel' },
    ]);
    for (const { lastError, kbps } of drips) {
      expect(lastError?.message).toMatch(
        /^the server takes \d+ of the stream's 4\d{3} kbit\/s: it is \d+ s behind/,
      );
      expect(kbps).toBeLessThan(400);
    }
    expect(statesOf('silentDrip')).toEqual(['connecting', 'degraded']);
  });

  it('never when the server accepts it and reads nothing', async () => {
    for (const id of ['polite', 'mute']) {
      const { onAirMs, bytes } = await fails(id, 'stalled');
      expect(statesOf(id).slice(0, 2)).toEqual(['connecting', 'backing-off']);
      expect(onAirMs).toBe(0);
      // It lies in the server's receive buffer.
      expect(bytes).toBeLessThan(512 * 1024);
    }
  });

  it('all the time when the server reads, whether it acknowledges or not, whatever becomes of the others', () => {
    for (const id of ['good', 'quiet']) {
      expect(statesOf(id).slice(0, 2)).toEqual(['connecting', 'live']);
      expect(target(id)).toMatchObject({ sessions: 1, droppedFrames: 0, lastError: null });
      expect(target(id).bytes).toBeGreaterThan(4_000_000);
    }
    expect([target('good').takenBy, target('quiet').takenBy]).toEqual(['peer', 'kernel']);
  });
});
