import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
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
