import { wholeAudio } from '../encoding.ts';
import type { ProgrammeSpec } from '../programme.ts';
import type { PlatformLimits, StreamFigures } from './platform.ts';

/** Measured figures swing about what was asked for; only what is this much above a limit breaks it. */
const SLACK = 1.02;

const CODEC_NAMES = { h264: 'H.264', h265: 'H.265', av1: 'AV1', vp9: 'VP9' } as const;

function isAbove(figure: number | null, limit: number | undefined): figure is number {
  return figure !== null && limit !== undefined && figure > limit * SLACK;
}

function shown(figure: number): string {
  return String(Math.round(figure * 10) / 10);
}

function sizeWarning(limits: PlatformLimits, video: NonNullable<StreamFigures['video']>): string[] {
  const { maxWidth, maxHeight } = limits;
  const { width, height } = video;
  if (maxWidth === undefined || maxHeight === undefined || width === null || height === null) return [];
  const fits =
    Math.max(width, height) <= Math.max(maxWidth, maxHeight) &&
    Math.min(width, height) <= Math.min(maxWidth, maxHeight);
  const [most, least] = width < height ? [maxHeight, maxWidth] : [maxWidth, maxHeight];
  return fits ? [] : [`make the picture ${most}x${least} or smaller: it is ${width}x${height}`];
}

function videoWarnings(limits: PlatformLimits, video: NonNullable<StreamFigures['video']>): string[] {
  const { maxKeyFrameSeconds, maxVideoKbps, maxFps, videoCodecs } = limits;
  const { codec, keyFrameSeconds, kbps, fps } = video;
  const warnings = sizeWarning(limits, video);
  if (isAbove(keyFrameSeconds, maxKeyFrameSeconds)) {
    warnings.push(
      `set the key frame interval to ${maxKeyFrameSeconds} s or less: it is ${shown(keyFrameSeconds)} s`,
    );
  }
  if (isAbove(kbps, maxVideoKbps)) {
    warnings.push(`lower the video bitrate to ${maxVideoKbps} kbps or less: it is ${Math.round(kbps)} kbps`);
  }
  if (isAbove(fps, maxFps))
    warnings.push(`lower the frame rate to ${maxFps} fps or less: it is ${shown(fps)} fps`);
  if (codec !== null && videoCodecs !== undefined && !videoCodecs.includes(codec)) {
    const taken = videoCodecs.map((one) => CODEC_NAMES[one]).join(' or ');
    warnings.push(`encode the video as ${taken}: it is ${CODEC_NAMES[codec]}`);
  }
  return warnings;
}

function audioWarnings(limits: PlatformLimits, audio: NonNullable<StreamFigures['audio']>): string[] {
  const { maxAudioKbps, audioSampleRates } = limits;
  const { kbps, sampleRate } = audio;
  const warnings: string[] = [];
  if (isAbove(kbps, maxAudioKbps)) {
    warnings.push(`lower the audio bitrate to ${maxAudioKbps} kbps or less: it is ${Math.round(kbps)} kbps`);
  }
  if (sampleRate !== null && audioSampleRates !== undefined && !audioSampleRates.includes(sampleRate)) {
    const taken = audioSampleRates.join(' or ');
    warnings.push(`set the sample rate of the sound to ${taken} Hz: it is ${sampleRate} Hz`);
  }
  return warnings;
}

/** What of a stream breaks these limits: one sentence each that says what to change; empty when nothing does. */
export function limitWarnings(limits: PlatformLimits, { video, audio }: StreamFigures): string[] {
  const warnings = video ? videoWarnings(limits, video) : [];
  if (video === null && limits.needsVideo) warnings.push('add video: sound alone is not taken');
  if (audio === null && limits.needsAudio) warnings.push('add sound: a stream without it is not taken');
  return audio ? [...warnings, ...audioWarnings(limits, audio)] : warnings;
}

/** The limits for people, a few words each. */
export function describeLimits(limits: PlatformLimits): string[] {
  const { maxKeyFrameSeconds, maxVideoKbps, maxAudioKbps, maxWidth, maxHeight, maxFps } = limits;
  const { audioSampleRates, videoCodecs, needsAudio, needsVideo } = limits;
  const said = (limit: unknown, words: string) => (limit === undefined || limit === false ? [] : [words]);
  return [
    ...said(maxKeyFrameSeconds, `a key frame at least every ${maxKeyFrameSeconds} s`),
    ...said(maxVideoKbps, `video of at most ${maxVideoKbps} kbps`),
    ...said(maxWidth, `at most ${maxWidth}x${maxHeight}`),
    ...said(maxFps, `at most ${maxFps} fps`),
    ...said(videoCodecs, videoCodecs?.map((one) => CODEC_NAMES[one]).join(' or ') ?? ''),
    ...said(maxAudioKbps, `sound of at most ${maxAudioKbps} kbps`),
    ...said(audioSampleRates, `sound at ${audioSampleRates?.join(' or ')} Hz`),
    ...said(needsAudio, 'no stream without sound'),
    ...said(needsVideo, 'no stream without video'),
  ];
}

/** A programme as it will be encoded; sound is always there. */
export function programmeFigures({ video, audio }: ProgrammeSpec): StreamFigures {
  const { sampleRate, bitrateKbps } = wholeAudio(audio);
  return {
    video: video && {
      codec: 'h264',
      width: video.width,
      height: video.height,
      fps: video.fps,
      kbps: video.bitrateKbps,
      keyFrameSeconds: video.gopSeconds,
    },
    audio: { sampleRate, kbps: bitrateKbps },
  };
}
