import type { Logger } from 'pino';
import { type VideoEncoding, videoEncoderArgs } from '../../ffmpeg/encoder-args.ts';
import type { FlvTag } from '../../flv/tag.ts';
import { nutFrameHeader, nutStart } from '../../nut/container.ts';
import { type EncoderProcess, LEAD_SECONDS, startEncoderProcess } from './encoder-process.ts';

export interface DuePicture {
  /** Counted at the encoder's rate from the programme's start. */
  readonly frame: number;
  /** Monotonic ms. */
  readonly dueMs: number;
  readonly picture: Buffer;
}

/** One FFmpeg that encodes canvases. */
export interface VideoEncoder extends Omit<EncoderProcess, 'write'> {
  /** The picture belongs to the encoder until `done`, which is called exactly once. */
  writeFrame(picture: DuePicture, done: () => void): void;
  /** Age of the oldest picture that it has not taken; 0 while it works through what waited for its start. */
  behindMs(nowMs: number): number;
  /** Pictures that it has not taken. */
  readonly waiting: number;
}

const YUV420P = Buffer.from('I420', 'latin1');
/** A start is over when the encoder has once taken nearly all, or after this time. */
const STARTED_BEHIND_MS = 100;
const START_MS = 3000;

/** Starts an encoder that reads its first picture at once: all it needs before is done by then. */
export function startVideoEncoder(
  spec: VideoEncoding,
  { log, onTag }: { readonly log: Logger; readonly onTag: (tag: FlvTag) => void },
): VideoEncoder {
  const child = startEncoderProcess({ args: videoEncoderArgs(spec), name: 'video encoder', log, onTag });
  const { width, height, fps } = spec;
  // Frames are the ticks, so that every timestamp is exact.
  child.write([nutStart([{ kind: 'video', codec: YUV420P, ticksPerSecond: fps, width, height }])]);
  /** When the pictures were due that it has not taken. */
  const dueTimes: number[] = [];
  let firstFrameAt: number | null = null;
  let started = false;
  const ageMs = (nowMs: number): number => Math.max(0, nowMs - (dueTimes[0] ?? nowMs));

  return {
    pid: child.pid,
    exited: child.exited,
    get unreadBytes() {
      return child.unreadBytes;
    },
    get firstOutputAt() {
      return child.firstOutputAt;
    },
    get lastOutputAt() {
      return child.lastOutputAt;
    },
    writeFrame({ frame, dueMs, picture }, done) {
      firstFrameAt ??= performance.now();
      dueTimes.push(dueMs);
      const header = nutFrameHeader(0, frame + LEAD_SECONDS * fps, picture.length);
      child.write([header, picture], () => {
        dueTimes.shift();
        done();
      });
    },
    behindMs(nowMs) {
      const behind = ageMs(nowMs);
      const hasCaughtUp = child.firstOutputAt !== null && behind < STARTED_BEHIND_MS;
      started ||= firstFrameAt !== null && (hasCaughtUp || nowMs - firstFrameAt > START_MS);
      return started ? behind : 0;
    },
    get waiting() {
      return dueTimes.length;
    },
    stop: (stepMs) => child.stop(stepMs),
    kill: () => child.kill(),
  };
}
