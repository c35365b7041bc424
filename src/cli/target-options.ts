import type { z } from 'zod';
import { describeIssues } from '../api/error-envelope.ts';
import { targetSchema, type warningsAnswer } from '../api/operator/target-schema.ts';
import { PLATFORM_NAMES } from '../domain/push/platform.ts';
import { readDestination } from '../domain/push/platforms.ts';
import { type CommandIo, UsageError } from './command.ts';
import { asUsage, readListed } from './options.ts';

type TargetRequest = z.output<typeof targetSchema>;

function parseTarget(option: string, text: string): TargetRequest {
  if (!text.startsWith('{')) {
    asUsage(option, () => readDestination(text));
    return text;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds a key.
    throw new UsageError(`${option}: a target that begins with { is a JSON object`);
  }
  const parsed = targetSchema.safeParse(json);
  if (!parsed.success) throw new UsageError(`${option}: ${describeIssues(parsed.error)}`);
  const target = parsed.data;
  asUsage(option, () => readDestination(typeof target === 'string' ? target : target.url));
  return target;
}

/** Checked targets: URLs, platforms with their keys, or JSON objects; `-` stands for the lines of stdin. */
export async function readTargets(
  option: string,
  values: readonly string[],
  stdin: CommandIo['stdin'],
): Promise<TargetRequest[]> {
  return (await readListed(values, stdin)).map((text) => parseTarget(option, text));
}

const NEW = new RegExp(`=(?=rtmps?://|(?:${PLATFORM_NAMES.join('|')}):|[{]|-$)`, 'i');

/** `OLD=NEW` of `--replace`; a NEW of `-` is the next line of stdin. Throws UsageError. */
export async function readReplacements(
  values: readonly string[],
  stdin: CommandIo['stdin'],
): Promise<{ from: string; to: TargetRequest }[]> {
  const pairs = values.map((value) => {
    const at = value.search(NEW);
    if (at < 1) throw new UsageError('--replace is OLD=NEW: a target of the task and what takes its place');
    return { from: value.slice(0, at), to: value.slice(at + 1) };
  });
  const asked = pairs.filter(({ to }) => to === '-').length;
  const lines = asked === 0 ? [] : await readListed(['-'], stdin);
  if (lines.length !== asked) throw new UsageError('--replace: stdin has a line for each =-');
  return pairs.map(({ from, to }) => ({
    from,
    to: parseTarget('--replace', to === '-' ? (lines.shift() ?? '') : to),
  }));
}

/** Throws UsageError when more than one of these options reads stdin. */
export function assertOneReader(readers: Readonly<Record<string, boolean>>): void {
  const reading = Object.keys(readers).filter((option) => readers[option]);
  if (reading.length > 1) throw new UsageError(`stdin is read once, for ${reading.join(' or ')}`);
}

/** What of a programme breaks limits of platforms: no result, so it goes to stderr. */
export function printWarnings(
  io: CommandIo,
  { warnings = [] }: { warnings?: z.output<typeof warningsAnswer> },
): void {
  for (const { url, message } of warnings) io.stderr(`warning: ${url}: ${message}`);
}
