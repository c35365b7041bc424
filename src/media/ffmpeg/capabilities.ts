import type { Logger } from 'pino';
import {
  HE_AAC_ENCODERS,
  type HeAacEncoder,
  VIDEO_ENCODERS,
  type VideoEncoder,
  type VideoEncoderChoice,
  wholeAudio,
} from '../../domain/encoding.ts';
import { GatewayError } from '../../domain/errors.ts';
import type { AudioSpec } from '../../domain/programme.ts';
import { encoderTrialArgs } from './encoder-args.ts';
import { startFfmpeg } from './process.ts';

export interface FfmpegCapabilities {
  /** `5.1.9-0+deb12u1` */
  readonly version: string;
  readonly encoders: ReadonlySet<string>;
}

/** What the programme cannot do without. */
export const REQUIRED_ENCODERS = ['libx264', 'aac'] as const;

const MAX_OUTPUT_CHARS = 1024 * 1024;

async function output(args: readonly string[], log: Logger): Promise<string> {
  const child = startFfmpeg({ args, log, name: 'probe', stdin: 'ignore', stdout: 'pipe' });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    if (text.length < MAX_OUTPUT_CHARS) text += part;
  });
  const ended = new Promise((resolve) => child.stdout?.once('close', resolve));
  const exit = await child.exited;
  if (exit.outcome !== 'finished') {
    throw new GatewayError('tool-missing', `ffmpeg does not run (${exit.outcome})`, {
      blame: 'system',
      retry: 'never',
    });
  }
  await ended;
  return text;
}

/** First line of `ffmpeg -version`, or `unknown`. */
export function parseVersion(text: string): string {
  return /^ffmpeg version (\S+)/m.exec(text)?.[1] ?? 'unknown';
}

/** Names of the table that `ffmpeg -encoders` prints. */
export function parseEncoders(text: string): Set<string> {
  const table = text.slice(text.indexOf('------'));
  return new Set([...table.matchAll(/^ [VAS.][A-Z.]{5} (\S+)/gm)].map((match) => match[1] ?? ''));
}

/** Version and encoders of the ffmpeg on the PATH; throws `tool-missing` when it does not run. */
export async function probeFfmpeg(log: Logger): Promise<FfmpegCapabilities> {
  const [version, encoders] = await Promise.all([
    output(['-version'], log),
    output(['-hide_banner', '-encoders'], log),
  ]);
  return { version: parseVersion(version), encoders: parseEncoders(encoders) };
}

/** Names of the codecs in the table of `ffmpeg -codecs` that can be decoded. */
export function parseDecodable(text: string): Set<string> {
  const table = text.slice(text.indexOf('-------'));
  return new Set([...table.matchAll(/^ D\S{5} (\S+)/gm)].map((match) => match[1] ?? ''));
}

/** Codecs that the ffmpeg on the PATH decodes; throws `tool-missing` when it does not run. */
export async function probeDecodable(log: Logger): Promise<Set<string>> {
  return parseDecodable(await output(['-hide_banner', '-codecs'], log));
}

/** What a machine's programmes encode with. */
export interface Encoders {
  readonly video: VideoEncoder;
  /** null: no HE-AAC here. */
  readonly heAac: HeAacEncoder | null;
}

/** Throws `tool-missing` for sound that no encoder of this machine makes. */
export function assertSoundEncodable(audio: AudioSpec, { heAac }: Encoders): void {
  const { codec } = wholeAudio(audio);
  if (codec === 'aac-lc' || heAac !== null) return;
  const message = `the ffmpeg of this machine has no encoder of ${codec}: it needs libfdk_aac, or aac_at on macOS`;
  throw new GatewayError('tool-missing', message, { blame: 'system', retry: 'never' });
}

const HARDWARE_ENCODERS = VIDEO_ENCODERS.filter((name) => name !== 'libx264');
/** A driver that takes longer to encode five small pictures is of no use. */
const TRIAL_MS = 5000;

/** Whether FFmpeg really encodes a few pictures with it: being compiled in says nothing of a device. */
export async function encodesHere(encoder: VideoEncoder, log: Logger): Promise<boolean> {
  const args = encoderTrialArgs(encoder);
  const child = startFfmpeg({ args, log, name: 'encoder trial', stdin: 'ignore', stdout: 'ignore' });
  const timer = setTimeout(() => child.kill(), TRIAL_MS);
  const { outcome } = await child.exited;
  clearTimeout(timer);
  return outcome === 'finished';
}

/** The hardware encoders that work here. */
export async function workingHardwareEncoders(log: Logger): Promise<VideoEncoder[]> {
  const { encoders } = await probeFfmpeg(log);
  const working: VideoEncoder[] = [];
  for (const name of HARDWARE_ENCODERS) {
    if (encoders.has(name) && (await encodesHere(name, log))) working.push(name);
  }
  return working;
}

/** What to encode with by the operator's choice; throws `tool-missing` when ffmpeg does not run. */
export async function findEncoders(choice: VideoEncoderChoice, log: Logger): Promise<Encoders> {
  const { encoders } = await probeFfmpeg(log);
  const heAac = HE_AAC_ENCODERS.find((name) => encoders.has(name)) ?? null;
  if (choice !== 'auto') return { video: choice, heAac };
  const [video = 'libx264'] = await workingHardwareEncoders(log);
  log.info({ video }, 'video encoder chosen');
  return { video, heAac };
}

/** Asks once and remembers the answer; after a failure the next call asks again. */
export function rememberEncoders(find: () => Promise<Encoders>): () => Promise<Encoders> {
  let known: Promise<Encoders> | null = null;
  return () => {
    known ??= find().catch((error: unknown) => {
      known = null;
      throw error;
    });
    return known;
  };
}
