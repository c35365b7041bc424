import { describe, expect, it } from 'vitest';
import { DEFAULT_PROGRAMME } from '../../../../src/domain/programme.ts';
import {
  describeLimits,
  limitWarnings,
  programmeFigures,
} from '../../../../src/domain/push/limit-warnings.ts';
import type { PlatformLimits, StreamFigures } from '../../../../src/domain/push/platform.ts';

const LIMITS: PlatformLimits = {
  maxKeyFrameSeconds: 2,
  maxVideoKbps: 6000,
  maxAudioKbps: 160,
  maxWidth: 1920,
  maxHeight: 1080,
  maxFps: 30,
  needsVideo: true,
  needsAudio: true,
  audioSampleRates: [44_100, 48_000],
  videoCodecs: ['h264', 'h265'],
};
const VIDEO = { codec: 'h264', width: 1920, height: 1080, fps: 30, kbps: 6000, keyFrameSeconds: 2 } as const;
const AUDIO = { sampleRate: 48_000, kbps: 160 } as const;
const STREAM: StreamFigures = { video: VIDEO, audio: AUDIO };

describe('the limits of a platform', () => {
  it('are kept by a stream that goes to each of them', () => {
    expect(limitWarnings(LIMITS, STREAM)).toEqual([]);
  });

  it.each<[string, Partial<NonNullable<StreamFigures['video']>>, string]>([
    ['rare key frames', { keyFrameSeconds: 4.04 }, 'set the key frame interval to 2 s or less: it is 4 s'],
    ['a high bitrate', { kbps: 8000.4 }, 'lower the video bitrate to 6000 kbps or less: it is 8000 kbps'],
    [
      'a large picture',
      { width: 2560, height: 1440 },
      'make the picture 1920x1080 or smaller: it is 2560x1440',
    ],
    [
      'a tall picture',
      { width: 1080, height: 2400 },
      'make the picture 1080x1920 or smaller: it is 1080x2400',
    ],
    ['many frames', { fps: 60 }, 'lower the frame rate to 30 fps or less: it is 60 fps'],
    ['another codec', { codec: 'av1' }, 'encode the video as H.264 or H.265: it is AV1'],
  ])('are broken by %s', (_what, change, warning) => {
    expect(limitWarnings(LIMITS, { ...STREAM, video: { ...VIDEO, ...change } })).toEqual([warning]);
  });

  it.each<[string, StreamFigures, string]>([
    [
      'loud bits',
      { ...STREAM, audio: { ...AUDIO, kbps: 320 } },
      'lower the audio bitrate to 160 kbps or less: it is 320 kbps',
    ],
    [
      'a sample rate',
      { ...STREAM, audio: { ...AUDIO, sampleRate: 16_000 } },
      'set the sample rate of the sound to 44100 or 48000 Hz: it is 16000 Hz',
    ],
    ['silence', { ...STREAM, audio: null }, 'add sound: a stream without it is not taken'],
    ['sound alone', { ...STREAM, video: null }, 'add video: sound alone is not taken'],
  ])('are broken by %s', (_what, figures, warning) => {
    expect(limitWarnings(LIMITS, figures)).toEqual([warning]);
  });

  it('are kept by a picture that stands', () => {
    expect(limitWarnings(LIMITS, { ...STREAM, video: { ...VIDEO, width: 1080, height: 1920 } })).toEqual([]);
  });

  it('are kept by figures that swing a little, as measured ones do', () => {
    const video = { ...VIDEO, kbps: 6090, fps: 30.3, keyFrameSeconds: 2.03 };
    expect(limitWarnings(LIMITS, { ...STREAM, video })).toEqual([]);
  });

  it('are not broken by what is not known, and what is not limited', () => {
    const unknown: StreamFigures = {
      video: { codec: null, width: null, height: null, fps: null, kbps: null, keyFrameSeconds: null },
      audio: { sampleRate: null, kbps: null },
    };
    expect(limitWarnings(LIMITS, unknown)).toEqual([]);
    expect(limitWarnings({}, { video: { ...VIDEO, kbps: 1e6, fps: 500 }, audio: null })).toEqual([]);
  });

  it('tell everything that breaks them', () => {
    expect(limitWarnings(LIMITS, { video: { ...VIDEO, kbps: 9000, fps: 60 }, audio: null })).toHaveLength(3);
  });
});

describe('the limits for people', () => {
  it('are those that are known', () => {
    expect(describeLimits(LIMITS)).toEqual([
      'a key frame at least every 2 s',
      'video of at most 6000 kbps',
      'at most 1920x1080',
      'at most 30 fps',
      'H.264 or H.265',
      'sound of at most 160 kbps',
      'sound at 44100 or 48000 Hz',
      'no stream without sound',
      'no stream without video',
    ]);
    expect(describeLimits({})).toEqual([]);
  });
});

describe('the figures of a programme', () => {
  it('are what will be encoded', () => {
    expect(programmeFigures(DEFAULT_PROGRAMME)).toEqual({
      video: { codec: 'h264', width: 1280, height: 720, fps: 30, kbps: 2500, keyFrameSeconds: 2 },
      audio: { sampleRate: 48_000, kbps: 128 },
    });
    expect(programmeFigures({ ...DEFAULT_PROGRAMME, video: null }).video).toBeNull();
  });
});
