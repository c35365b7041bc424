import { pino } from 'pino';
import { wholeAudio } from '../../src/domain/encoding.ts';
import { layOut } from '../../src/domain/layout/layout.ts';
import { DEFAULT_PROGRAMME } from '../../src/domain/programme.ts';
import { soundCodecOptions, videoCodecOptions } from '../../src/media/ffmpeg/encoder-args.ts';
import { startFfmpeg } from '../../src/media/ffmpeg/process.ts';
import { type FlvTag, isMedia, TAG_VIDEO } from '../../src/media/flv/tag.ts';
import { eventually } from '../support/eventually.ts';
import { startRtmpSink } from '../support/rtmp-sink.ts';
import { startToldProgramme } from '../support/told-programme.ts';

/** What arrived at the server that the mix is published to. */
export interface Delivered {
  readonly frames: number;
  /** Timestamp of the last frame. */
  readonly mediaMs: number;
}

/** A mix on the air. */
export interface MixContender {
  readonly pid: number;
  delivered(): Delivered;
  /** Resolves when pictures arrive and every input is shown, or as far as that comes. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** Inputs in FLV: as tags for roomcast and as a file for FFmpeg. */
export interface MixClip {
  readonly tags: readonly FlvTag[];
  readonly path: string;
}

const START_DEADLINE_MS = 20_000;

interface CountingSink {
  readonly url: string;
  delivered(): Delivered;
  close(): Promise<void>;
}

async function startCountingSink(): Promise<CountingSink> {
  let [frames, mediaMs] = [0, 0];
  const sink = await startRtmpSink({
    onMedia({ type, timestamp, data }) {
      if (type !== TAG_VIDEO || !isMedia({ type: TAG_VIDEO, timestamp, data })) return;
      frames += 1;
      mediaMs = timestamp;
    },
  });
  return { url: sink.url, delivered: () => ({ frames, mediaMs }), close: () => sink.close() };
}

/** A machine that has too much to do may never get there: that is then measured. */
async function comesOrNot(check: () => boolean): Promise<void> {
  await eventually(check, START_DEADLINE_MS).catch(() => undefined);
}

/** The programme as a worker runs it; what stands in for the hub is not in its process tree. */
export async function startRoomcastMix(clip: MixClip, inputs: number): Promise<MixContender> {
  const sink = await startCountingSink();
  const programme = await startToldProgramme(sink.url, DEFAULT_PROGRAMME);
  const names = Array.from({ length: inputs }, (_, index) => `user${index}`);
  for (const name of names) programme.source.play(name, clip.tags);
  programme.show(names);
  return {
    pid: programme.child.pid,
    delivered: sink.delivered,
    ready: () =>
      comesOrNot(() => {
        const live = programme.status()?.inputs.filter((input) => input.state === 'live').length;
        return live === inputs && sink.delivered().frames > 0;
      }),
    async stop() {
      await programme.close();
      await sink.close();
    },
  };
}

/** What one would write by hand: all inputs in one graph. It stops or freezes when one of them does. */
function filterGraphArgs(clipPath: string, inputs: number, url: string): string[] {
  const { video, audio, background } = DEFAULT_PROGRAMME;
  const ids = Array.from({ length: inputs }, (_, index) => String(index));
  const users = ids.map((id) => ({ streamId: id, userId: id, stream: 'main' as const, audioOnly: false }));
  const boxes = layOut(DEFAULT_PROGRAMME.layout, users, video);
  const cells = boxes.map(
    ({ width, height }, index) =>
      `[${index}:v]scale=${width}:${height}:force_original_aspect_ratio=increase:flags=bilinear,crop=${width}:${height}[v${index}]`,
  );
  const canvas = `color=c=${background}:s=${video.width}x${video.height}:r=${video.fps}[c]`;
  const overlays = boxes.map(
    ({ x, y }, index) => `[${index === 0 ? 'c' : `o${index - 1}`}][v${index}]overlay=${x}:${y}[o${index}]`,
  );
  const sound = `${ids.map((id) => `[${id}:a]`).join('')}amix=inputs=${inputs}:normalize=0[a]`;
  return [
    ...['-v', 'error', '-nostats'],
    ...ids.flatMap(() => ['-re', '-stream_loop', '-1', '-i', clipPath]),
    ...['-filter_complex', [...cells, canvas, ...overlays, sound].join(';')],
    ...['-map', `[o${inputs - 1}]`, '-map', '[a]', '-r', String(video.fps)],
    ...videoCodecOptions({ ...video, encoder: 'libx264' }),
    ...soundCodecOptions(wholeAudio(audio)),
    ...['-f', 'flv', url],
  ];
}

export async function startFilterGraph(clip: MixClip, inputs: number): Promise<MixContender> {
  const sink = await startCountingSink();
  const child = startFfmpeg({
    args: filterGraphArgs(clip.path, inputs, sink.url),
    log: pino({ level: 'silent' }),
    name: 'filter graph',
    stdin: 'ignore',
    stdout: 'ignore',
  });
  return {
    pid: child.pid,
    delivered: sink.delivered,
    ready: () => comesOrNot(() => sink.delivered().frames > 0),
    async stop() {
      await child.stop();
      await sink.close();
    },
  };
}
