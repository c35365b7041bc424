import type { StreamFigures, StreamVideoCodec } from '../../domain/push/platform.ts';
import { readAudioConfig, readVideoConfig } from '../flv/packets.ts';
import { timestampStep } from '../flv/rebase.ts';
import {
  type FlvTag,
  isKeyFrame,
  isMedia,
  isSequenceHeader,
  TAG_AUDIO,
  TAG_VIDEO,
  videoCodec,
} from '../flv/tag.ts';

/** Measures a stream as it goes by, on its own timeline. */
export interface StreamMeter {
  push(tag: FlvTag): void;
  /** Of the last whole window; null before there is one. */
  figures(): StreamFigures | null;
  /** Sound and picture together; 0 before anything is known. */
  kbps(): number;
  /** Another publisher's stream follows. */
  clear(): void;
}

type VideoFigures = NonNullable<StreamFigures['video']>;
type AudioFigures = NonNullable<StreamFigures['audio']>;

/** Rates are means over so much of the stream: they swing less than a GOP makes them. */
const WINDOW_MS = 10_000;
/** Key frames of so much of the stream are looked at. */
const KEYS_MS = 30_000;
/** Too little to tell a rate by. */
const LEAST_MS = 1000;

const CODECS: Readonly<Record<string, StreamVideoCodec>> = {
  avc1: 'h264',
  hvc1: 'h265',
  av01: 'av1',
  vp09: 'vp9',
};

interface Window {
  readonly startMs: number;
  videoBytes: number;
  audioBytes: number;
  pictures: number;
}

function sizeOf(header: FlvTag): Pick<VideoFigures, 'width' | 'height'> {
  try {
    const { width, height } = readVideoConfig(header);
    return { width, height };
  } catch {
    return { width: null, height: null }; // AV1, VP9, or a configuration we cannot read: it goes out all the same
  }
}

function sampleRateOf(header: FlvTag): number | null {
  try {
    return readAudioConfig(header).sampleRate;
  } catch {
    return null;
  }
}

export function createStreamMeter(): StreamMeter {
  let video: Pick<VideoFigures, 'codec' | 'width' | 'height'> = { codec: null, width: null, height: null };
  let sampleRate: AudioFigures['sampleRate'] = null;
  /** On the stream's timeline without wraps. */
  let nowMs = 0;
  let lastTimestamp: number | null = null;
  let lastKeyMs: number | null = null;
  let keySteps: { readonly atMs: number; readonly ms: number }[] = [];
  let open: Window | null = null;
  let figures: StreamFigures | null = null;

  function readHeader(tag: FlvTag): void {
    if (tag.type === TAG_VIDEO) video = { codec: CODECS[videoCodec(tag)] ?? null, ...sizeOf(tag) };
    if (tag.type === TAG_AUDIO) sampleRate = sampleRateOf(tag);
  }

  function kbpsOf(bytes: number, window: Window): number {
    return Math.round((bytes * 8) / (nowMs - window.startMs));
  }

  function keyFrameSeconds(): number | null {
    if (lastKeyMs === null) return null;
    keySteps = keySteps.filter(({ atMs }) => nowMs - atMs <= KEYS_MS);
    // The way to the next one is that long already.
    return Math.max(nowMs - lastKeyMs, ...keySteps.map(({ ms }) => ms)) / 1000;
  }

  function closeWindow(window: Window): void {
    const { pictures, videoBytes, audioBytes, startMs } = window;
    const fps = (pictures * 1000) / (nowMs - startMs);
    const kbps = kbpsOf(videoBytes, window);
    figures = {
      video: pictures > 0 ? { ...video, fps, kbps, keyFrameSeconds: keyFrameSeconds() } : null,
      audio: audioBytes > 0 ? { sampleRate, kbps: kbpsOf(audioBytes, window) } : null,
    };
  }

  function countKey(): void {
    if (lastKeyMs !== null) keySteps.push({ atMs: nowMs, ms: nowMs - lastKeyMs });
    lastKeyMs = nowMs;
  }

  function count(tag: FlvTag, window: Window): void {
    if (tag.type === TAG_AUDIO) {
      window.audioBytes += tag.data.length;
      return;
    }
    window.videoBytes += tag.data.length;
    window.pictures += 1;
    if (isKeyFrame(tag)) countKey();
  }

  return {
    push(tag) {
      if (isSequenceHeader(tag)) readHeader(tag);
      if (!isMedia(tag)) return;
      // The tracks take turns: the later one is now.
      nowMs += Math.max(0, timestampStep(lastTimestamp ?? tag.timestamp, tag.timestamp));
      if (lastTimestamp === null || timestampStep(lastTimestamp, tag.timestamp) > 0)
        lastTimestamp = tag.timestamp;
      if (open !== null && nowMs - open.startMs >= WINDOW_MS) {
        closeWindow(open);
        open = null;
      }
      open ??= { startMs: nowMs, videoBytes: 0, audioBytes: 0, pictures: 0 };
      count(tag, open);
    },
    figures: () => figures,
    kbps() {
      if (figures) return (figures.video?.kbps ?? 0) + (figures.audio?.kbps ?? 0);
      const tooLittle = open === null || nowMs - open.startMs < LEAST_MS;
      return tooLittle || open === null ? 0 : kbpsOf(open.videoBytes + open.audioBytes, open);
    },
    clear() {
      video = { codec: null, width: null, height: null };
      sampleRate = null;
      lastKeyMs = null;
      keySteps = [];
      open = null;
      figures = null;
    },
  };
}
