import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TargetState, TargetStatus } from '../../../src/domain/job.ts';
import { showRtmpUrl } from '../../../src/domain/push/rtmp-url.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type FlvTag, isKeyFrame, isMedia, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createPushRun, DEFAULT_PUSH_SETTINGS, type PushRun } from '../../../src/media/push/push-run.ts';
import type { TargetSpec } from '../../../src/media/push/target-spec.ts';
import { makeClip, parseFlv, readFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvPlayer, playClip } from '../../support/flv-player.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { type RtmpSink, startRtmpSink } from '../../support/rtmp-sink.ts';

let nginx: NginxRtmp;
let clip: FlvTag[];
let run: PushRun;
let player: FlvPlayer | null = null;
const sinks: RtmpSink[] = [];
const logLines: string[] = [];

beforeAll(async () => {
  nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
  clip = parseFlv(await makeClip({ seconds: 4 }));
});

afterAll(async () => {
  await nginx?.stop();
});

afterEach(async () => {
  player?.stop();
  player = null;
  await run?.close();
  for (const sink of sinks.splice(0)) await sink.close();
});

function openRun(settings: Partial<typeof DEFAULT_PUSH_SETTINGS> = {}): PushRun {
  const log = pino({ level: 'debug' }, { write: (line: string) => logLines.push(line) });
  run = createPushRun({ log, random: () => 0.5, settings: { ...DEFAULT_PUSH_SETTINGS, ...settings } });
  return run;
}

async function openSink(): Promise<RtmpSink> {
  const sink = await startRtmpSink();
  sinks.push(sink);
  return sink;
}

function spec(id: string, url: string): TargetSpec {
  return { id, url: new Secret(url), shownUrl: showRtmpUrl(url) };
}

function play(startMs = 0): void {
  player?.stop();
  run.onStreamStart();
  player = playClip(clip, (tag) => run.onTag(tag), { startMs });
}

function target(id: string): TargetStatus {
  const found = run.status().targets.find((one) => one.targetId === id);
  if (!found) throw new Error(`no target ${id}`);
  return found;
}

async function reaches(id: string, state: TargetState, deadlineMs = 15_000): Promise<TargetStatus> {
  return eventually(() => (target(id).state === state ? target(id) : null), deadlineMs);
}

async function recordingsOf(key: string): Promise<FlvTag[][]> {
  await eventually(async () => (await nginx.livePublishers()) === 0);
  const names = (await readdir(nginx.recordingDir)).filter((name) => name.startsWith(`${key}-`));
  return Promise.all(names.map((name) => readFlv(join(nginx.recordingDir, name))));
}

function largestStep(tags: readonly FlvTag[], type: number): { forward: number; back: number } {
  const times = tags.filter((tag) => tag.type === type && isMedia(tag)).map((tag) => tag.timestamp);
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return { forward: Math.max(...steps), back: Math.min(...steps) };
}

describe('a push run at nginx-rtmp', () => {
  it('starts every target at a key frame with headers, and a late one from the kept GOP', async () => {
    openRun();
    run.setTargets([spec('a', nginx.rtmpUrl('live', 'early'))]);
    play();
    await reaches('a', 'live');
    await eventually(() => (player?.played ?? 0) > 100);
    run.setTargets([spec('a', nginx.rtmpUrl('live', 'early')), spec('b', nginx.rtmpUrl('live', 'later'))]);
    await reaches('b', 'live');
    await eventually(() => target('b').bytes > 100_000);
    await run.close();
    for (const key of ['early', 'later']) {
      const [tags = []] = await recordingsOf(key);
      const frames = tags.filter((tag) => tag.type === TAG_VIDEO && isMedia(tag));
      expect(frames.length).toBeGreaterThan(20);
      expect(frames[0] && isKeyFrame(frames[0])).toBe(true);
      expect(largestStep(tags, TAG_VIDEO)).toEqual({ forward: 34, back: 33 });
    }
  });

  it('keeps one session and one timeline when the source ends and another begins far away in time', async () => {
    openRun();
    run.setTargets([spec('a', nginx.rtmpUrl('live', 'onward'))]);
    play(3_600_000);
    await reaches('a', 'live');
    await eventually(() => (player?.played ?? 0) > 60);
    player?.stop();
    run.onSourceLost();
    expect(run.status().source).toBe('waiting');
    play(5);
    await eventually(() => (player?.played ?? 0) > 60);
    await run.close();
    const [tags = [], ...others] = await recordingsOf('onward');
    expect(others).toHaveLength(0);
    expect(largestStep(tags, TAG_VIDEO).back).toBeGreaterThan(0);
    expect(largestStep(tags, TAG_VIDEO).forward).toBeLessThanOrEqual(100);
    expect(largestStep(tags, TAG_AUDIO).back).toBeGreaterThanOrEqual(0);
    expect(target('a').sessions).toBe(1);
  });

  it('adds and removes targets without touching the others', async () => {
    openRun();
    const keep = spec('keep', nginx.rtmpUrl('live', 'kept'));
    run.setTargets([keep, spec('out', nginx.rtmpUrl('live', 'out'))]);
    play();
    await reaches('keep', 'live');
    await reaches('out', 'live');
    const since = target('keep').connectedAt;
    run.setTargets([keep, spec('in', nginx.rtmpUrl('live', 'in'))]);
    await reaches('in', 'live');
    await eventually(async () => (await nginx.sessionTimes('live', 'out'))[0]?.endedAt);
    expect(target('keep')).toMatchObject({ state: 'live', sessions: 1, connectedAt: since });
    expect(await nginx.publishSessions('live', 'kept')).toBe(1);
  });

  it('goes idle when the source stays away longer than the grace, and is live again when it is back', async () => {
    openRun({ sourceGraceMs: 300 });
    run.setTargets([spec('a', nginx.rtmpUrl('live', 'idle'))]);
    expect(target('a').state).toBe('idle');
    play();
    await reaches('a', 'live');
    player?.stop();
    run.onSourceLost();
    await reaches('a', 'idle');
    await eventually(async () => (await nginx.sessionTimes('live', 'idle'))[0]?.endedAt);
    play();
    await reaches('a', 'live');
    expect(target('a').sessions).toBe(2);
  });
});

describe('a push run with bad destinations', () => {
  it('leaves a good target alone while others refuse, hang and reset', async () => {
    const [refusing, hanging, resetting] = [await openSink(), await openSink(), await openSink()];
    refusing.refuseWith = 'NetStream.Publish.BadName';
    hanging.stall();
    openRun();
    run.setTargets([
      spec('good', nginx.rtmpUrl('live', 'good')),
      spec('refusing', refusing.url),
      spec('hanging', hanging.url),
      spec('resetting', resetting.url),
    ]);
    play();
    await reaches('resetting', 'live');
    resetting.reset();
    await reaches('refusing', 'refused');
    expect(refusing.publishes).toBe(0);
    expect(target('refusing').lastError).toMatchObject({ code: 'key-refused' });
    await eventually(() => target('resetting').sessions === 2);
    expect(target('resetting').lastError).toMatchObject({ code: 'closed-by-peer' });
    expect(target('good')).toMatchObject({ state: 'live', sessions: 1, droppedFrames: 0 });
    await eventually(() => target('hanging').lastError?.code === 'timeout', 20_000);
  });

  it('a refused target stays refused until somebody asks for a retry', async () => {
    const sink = await openSink();
    sink.refuseWith = 'NetStream.Publish.BadName';
    openRun();
    run.setTargets([spec('a', sink.url)]);
    play();
    await reaches('a', 'refused');
    expect(target('a').nextRetryAt).toBeNull();
    sink.refuseWith = null;
    run.retryNow('a');
    await reaches('a', 'live');
  });

  it('retry now ends a backoff at once', async () => {
    const sink = await openSink();
    await sink.close();
    openRun();
    run.setTargets([spec('a', sink.url)]);
    play();
    await eventually(() => target('a').attempt >= 3 && target('a').state === 'backing-off');
    const { nextRetryAt } = target('a');
    expect(nextRetryAt).toBeGreaterThan(Date.now() + 1000);
    run.retryNow('a');
    await eventually(() => target('a').lastError?.code === 'connection-refused' && target('a').attempt === 1);
    expect(Date.now()).toBeLessThan(nextRetryAt ?? 0);
  });

  it('a server that stops reading is dropped as stalled with bounded memory, and comes back at a key frame', async () => {
    const sink = await openSink();
    const session = { ...DEFAULT_PUSH_SETTINGS.session, maxQueueBytes: 1_000_000 };
    openRun({ session });
    run.setTargets([spec('a', sink.url)]);
    player = playClip(clip, (tag) => run.onTag(fatten(tag)));
    await reaches('a', 'live');
    sink.stall();
    await reaches('a', 'degraded');
    const stalled = await eventually(
      () => (target('a').lastError?.code === 'stalled' ? target('a') : null),
      30_000,
    );
    expect(stalled.droppedFrames).toBeGreaterThan(0);
    sink.resume();
    await eventually(() => sink.media.some((message) => message.session === 2 && message.type === TAG_VIDEO));
    const first = sink.media.find((message) => message.session === 2 && message.data[1] === 1);
    expect(first?.type === TAG_VIDEO && (first.data[0] ?? 0) >> 4).toBe(1);
  });

  it('no log line and no status holds a key', () => {
    const said = logLines.join('') + JSON.stringify(run.status());
    expect(said).toContain('key-refused');
    expect(said).not.toContain('secret-key-1');
  });
});

/** The same frame with so much behind it that the kernel's buffers are soon full. */
function fatten(tag: FlvTag): FlvTag {
  return isMedia(tag) && tag.type === TAG_VIDEO
    ? { ...tag, data: Buffer.concat([tag.data, Buffer.alloc(60_000)]) }
    : tag;
}
