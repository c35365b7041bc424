import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { describeIssues } from '../api/error-envelope.ts';
import { GatewayError } from '../domain/errors.ts';
import { parseIntegerRoom, parseStringRoom, parseUserId, type RoomId } from '../domain/ids.ts';
import { type CommandIo, UsageError } from './command.ts';

const MAX_URLS = 1000;

/** Runs a check of the domain on an argument: what it refuses is wrong usage. */
export function asUsage<T>(option: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof GatewayError) throw new UsageError(`${option}: ${error.message}`);
    throw error;
  }
}

export function requireOption(option: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`${option} is missing`);
  return value;
}

/** The room of `--room R [--string-room]`; throws UsageError. */
export function parseRoomOptions(values: {
  readonly room?: string | undefined;
  readonly 'string-room'?: boolean | undefined;
}): RoomId {
  const room = requireOption('--room', values.room);
  return asUsage('--room', () =>
    values['string-room'] === true ? parseStringRoom(room) : parseIntegerRoom(room),
  );
}

export function parseUserOption(option: string, value: string): string {
  return asUsage(option, () => parseUserId(value));
}

/** A whole number of digits; its range is checked by whoever uses it. Throws UsageError. */
export function parseCount(option: string, text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new UsageError(`${option} is a whole number`);
  return Number(text);
}

/** The app of `--app A`, or undefined to take the only one. */
export function parseAppOption(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseCount('--app', text);
}

/** The one argument of a command that is not an option; throws UsageError when there are more or none. */
export function onlyArgument(positionals: readonly string[], what: string): string {
  const [value, ...more] = positionals;
  if (value === undefined || more.length > 0) throw new UsageError(`give one ${what}`);
  return value;
}

/** The values, with the lines of stdin for `-`, so that keys need not be arguments. */
export async function readListed(values: readonly string[], stdin: CommandIo['stdin']): Promise<string[]> {
  const listed: string[] = [];
  for (const value of values) {
    if (value !== '-') listed.push(value);
    else listed.push(...(await readLines(stdin)));
  }
  return listed;
}

async function readLines(stdin: CommandIo['stdin']): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stdin })) {
    if (line.trim() !== '') lines.push(line.trim());
    if (lines.length > MAX_URLS) throw new UsageError(`stdin has more than ${MAX_URLS} lines`);
  }
  return lines;
}

/** Checks a request with the schema its route uses, so that a wrong option is refused before anything is asked. */
export function checkBody<T extends z.ZodType>(schema: T, body: z.input<T>): z.input<T> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new UsageError(describeIssues(parsed.error));
  return body;
}
