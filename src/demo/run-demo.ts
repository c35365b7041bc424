import { copyFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import { Cleanup } from './cleanup.ts';
import { countRecordedFrames } from './count-frames.ts';
import { answersFlv, answersHls } from './playback-check.ts';
import { DEMO_USERS } from './publishers.ts';
import { type DemoOptions, openStage, ROOM, type Stage, TARGETS } from './stage.ts';
import { createStatusLine, describeStatus } from './status-line.ts';
import type { DemoSummary } from './summary.ts';

interface OnAir {
  readonly relayId: string;
  readonly streamId: string;
  readonly recordingId: string;
}

const READY_DEADLINE_MS = 60_000;
const POLL_MS = 200;

/** Waits until the check answers something; throws `timeout` with what it waited for. */
async function until<T>(what: string, signal: AbortSignal, check: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + READY_DEADLINE_MS;
  for (;;) {
    const value = await check();
    if (value !== null) return value;
    if (performance.now() > end) {
      throw new GatewayError('timeout', `${what}: not so after ${READY_DEADLINE_MS / 1000} s`, {
        blame: 'system',
      });
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

async function goOnAir(stage: Stage): Promise<OnAir> {
  const { control, signal, nginx } = stage;
  await until('three users in the room', signal, async () =>
    (await control.usersOnAir()) >= DEMO_USERS.length ? true : null,
  );
  const urls = TARGETS.map(({ application, key }) => nginx.rtmpUrl(application, key));
  const { taskId: relayId, streamId } = await control.startRelay(ROOM, urls);
  const recordingId = await control.startRecording(ROOM);
  await until('both targets live and a recording that runs', signal, async () => {
    const { targets } = await control.relay(relayId);
    const { state } = await control.recording(recordingId);
    return targets.every((target) => target.state === 'live') && state === 'recording' ? true : null;
  });
  return { relayId, streamId, recordingId };
}

interface Playback {
  readonly flv: string;
  readonly hls: string;
}

function playbackOf(stage: Stage, streamId: string): Playback {
  const { http } = stage.roomcast;
  return { flv: `${http}/live/${streamId}.flv`, hls: `${http}/hls/${streamId}/index.m3u8` };
}

/** The URLs that answered with media before the time was over. */
async function watchProgramme(
  urls: Playback,
  signal: AbortSignal,
  log: Logger,
): Promise<DemoSummary['playback']> {
  const check = async (url: string, answers: (url: string, signal: AbortSignal) => Promise<boolean>) => {
    try {
      return (await answers(url, signal)) ? url : null;
    } catch (error) {
      log.debug({ err: error, url }, 'no media'); // told by the null in the summary
      return null;
    }
  };
  const [flv, hls] = await Promise.all([check(urls.flv, answersFlv), check(urls.hls, answersHls)]);
  return { flv, hls };
}

async function stayOnAir(stage: Stage, onAir: OnAir): Promise<DemoSummary['playback']> {
  const { control, seconds, signal, say, isTerminal } = stage;
  const urls = playbackOf(stage, onAir.streamId);
  say(`on the air: room ${ROOM}, programme ${onAir.streamId}`);
  say(`watch  rtmp  ${stage.roomcast.rtmp}/live/${onAir.streamId}`);
  say(`       flv   ${urls.flv}`);
  say(`       hls   ${urls.hls}`);
  const over = new AbortController();
  const watching = watchProgramme(urls, AbortSignal.any([signal, over.signal]), stage.log);
  const show = createStatusLine(say, isTerminal);
  const begin = performance.now();
  try {
    for (let second = 1; second <= seconds; second += 1) {
      const waitMs = begin + second * 1000 - performance.now();
      await delay(Math.max(0, waitMs), undefined, { signal });
      const [users, relay] = await Promise.all([control.usersOnAir(), control.relay(onAir.relayId)]);
      show(second, describeStatus(second, users, relay));
    }
  } finally {
    over.abort();
  }
  return watching;
}

function keptPath(): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return resolve(`roomcast-demo-${time}.mp4`);
}

async function keepRecording(stage: Stage, recordingId: string): Promise<DemoSummary['recording']> {
  const done = await until('the recording finished', stage.signal, async () => {
    const recording = await stage.control.recording(recordingId);
    return recording.state === 'ready' || recording.state === 'failed' ? recording : null;
  });
  const [file] = done.files;
  if (done.state === 'failed' || file === undefined || !file.verdict.playable) {
    throw new GatewayError('bad-media', `the recording failed: ${done.error ?? 'it is not playable'}`, {
      blame: 'system',
    });
  }
  const path = keptPath();
  await copyFile(file.path, path);
  return { path, durationMs: file.durationMs, onAirMs: done.onAirMs ?? 0 };
}

/** Ends the show in order, and counts what arrived. */
async function closeShow(
  stage: Stage,
  onAir: OnAir,
  playback: DemoSummary['playback'],
): Promise<DemoSummary> {
  const { control, nginx, signal, say, seconds } = stage;
  const { targets } = await control.relay(onAir.relayId);
  await control.stopRecording(onAir.recordingId);
  await control.stopRelay(onAir.relayId);
  say('off the air; finishing the recording ...');
  const recording = await keepRecording(stage, onAir.recordingId);
  await until('pushes ended', signal, async () => ((await nginx.livePublishers()) === 0 ? true : null));
  const counted = await Promise.all(
    TARGETS.map(async ({ key }, index) => ({
      url: targets[index]?.url ?? '',
      state: targets[index]?.state ?? 'missing',
      frames: await countRecordedFrames(nginx.recordingDir, key),
    })),
  );
  return { seconds, targets: counted, recording, playback };
}

async function runShow(stage: Stage): Promise<DemoSummary> {
  try {
    const onAir = await goOnAir(stage);
    const playback = await stayOnAir(stage, onAir);
    return await closeShow(stage, onAir, playback);
  } catch (error) {
    if (!stage.signal.aborted) stage.roomcast.logTail.forEach(stage.say);
    throw error;
  }
}

/** Runs the whole show on this machine and undoes all of it, except for the recording; throws what went wrong. */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const cleanup = new Cleanup();
  let summary: DemoSummary;
  try {
    const stage = await openStage(options, cleanup);
    summary = await runShow(stage);
  } catch (error) {
    await cleanup.run().catch(() => undefined); // what went wrong first is what is told
    throw error;
  }
  await cleanup.run();
  return summary;
}
