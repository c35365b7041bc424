import type { ParseArgsConfig } from 'node:util';
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import type { LogLevel } from '../config/config.ts';
import { GatewayError } from '../domain/errors.ts';
import { hideDestinations } from '../domain/push/platforms.ts';
import type { ParentLink } from '../supervisor/parent-link.ts';

/** What a command may touch of its process; src/main.ts makes the real one, tests their own. */
export interface CommandIo {
  /** One line without its newline. Stdout carries only what the README documents. */
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
  /** Logs go to stderr: readable on a terminal, JSON elsewhere. */
  readonly log: (name: string, level: LogLevel) => Logger;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: NodeJS.ProcessEnv;
  /** Path of the program itself, for commands that run it again as their child. */
  readonly script: string;
  /** Aborted by the first SIGTERM or SIGINT, with the signal's name as its reason. */
  readonly signal: AbortSignal;
  /** Aborted by a second signal: end at once. */
  readonly hurry: AbortSignal;
  /** null when a person or an init system started us. When the parent goes, `signal` is aborted. */
  readonly parent: ParentLink | null;
}

/** 0 done, 1 failed, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  /** The line after `Usage: roomcast `. */
  readonly usage: string;
  readonly summary: string;
  /** What `--help` says below usage and summary: options and what is printed. */
  readonly help: readonly string[];
  /** Throws UsageError for wrong usage (exit 2) and any other error for failure (exit 1); main.ts prints them. */
  run(argv: readonly string[], io: CommandIo): Promise<ExitCode>;
}

/** Wrong usage of a command: main.ts prints the message with the command's usage and exits 2. */
export class UsageError extends GatewayError {
  override readonly name: string = 'UsageError';

  constructor(message: string) {
    super('bad-request', message);
  }
}

/** Strict parse of a command's arguments; unknown options and bad values throw UsageError. */
export function parseCommandArgs<const O extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: O,
  allowPositionals = false,
) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals });
  } catch (cause) {
    // Node quotes what it did not expect, which may be a push URL in the wrong place.
    throw new UsageError(hideDestinations(cause instanceof Error ? cause.message : String(cause)));
  }
}
