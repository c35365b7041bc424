#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { type Command, type CommandIo, UsageError } from './cli/command.ts';
import { COMMANDS, commandHelp, globalHelp } from './cli/index.ts';
import { GatewayError } from './domain/errors.ts';
import { createLogger } from './log.ts';
import type { ParentLink } from './supervisor/parent-link.ts';

/** After these a command that was asked to end is ended. */
const END_DEADLINE_MS = 20_000;
const ORPHAN_DEADLINE_MS = 9_000;

/** Wires signals, the parent's end and what nobody caught to the command's two abort signals. */
function watchProcess(onCrash: (error: unknown) => void): { end: AbortController; hurry: AbortController } {
  const end = new AbortController();
  const hurry = new AbortController();
  const askToEnd = (reason: string, deadlineMs: number) => {
    if (end.signal.aborted) return hurry.abort(reason);
    end.abort(reason);
    setTimeout(() => process.exit(1), deadlineMs).unref();
  };
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => askToEnd(name, END_DEADLINE_MS));
  process.on('disconnect', () => askToEnd('the parent is gone', ORPHAN_DEADLINE_MS));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      onCrash(error);
      askToEnd(event, ORPHAN_DEADLINE_MS);
    });
  }
  return { end, hurry };
}

function parentLink(): ParentLink | null {
  if (process.send === undefined) return null;
  return {
    send: (message) => {
      // A closed channel is told by `disconnect`.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    onMessage: (listener) => {
      process.on('message', listener);
    },
  };
}

function endQuietlyWithoutReader(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

async function runCommand(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    for (const line of commandHelp(command)) io.stdout(line);
    return 0;
  }
  try {
    return await command.run(argv, io);
  } catch (error) {
    return explain(error, command, io);
  }
}

/** Says on stderr why a command failed and gives its exit code. */
function explain(error: unknown, command: Command, io: CommandIo): number {
  if (!(error instanceof GatewayError)) {
    io.stderr(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
  io.stderr(`roomcast ${command.name}: ${error.message}`);
  if (error instanceof UsageError) {
    io.stderr(`Usage: roomcast ${command.usage}; roomcast ${command.name} --help tells more`);
  }
  return error instanceof UsageError || error.code === 'bad-config' ? 2 : 1;
}

async function main(): Promise<number> {
  let crashed = false;
  const { end, hurry } = watchProcess((error) => {
    crashed = true;
    createLogger('roomcast', 'info', process.stderr).fatal(
      { err: error },
      'ending after an error nobody handled',
    );
  });
  endQuietlyWithoutReader(process.stdout);
  endQuietlyWithoutReader(process.stderr);
  const io: CommandIo = {
    stdout: (line) => process.stdout.write(`${line}\n`),
    stderr: (line) => process.stderr.write(`${line}\n`),
    log: (name, level) => createLogger(name, level, process.stderr),
    stdin: process.stdin,
    env: process.env,
    script: fileURLToPath(import.meta.url),
    signal: end.signal,
    hurry: hurry.signal,
    parent: parentLink(),
  };
  const [name = '--help', ...argv] = process.argv.slice(2);
  if (name === '--help' || name === '-h' || name === 'help') {
    for (const line of globalHelp()) io.stdout(line);
    return 0;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) {
    io.stderr(`roomcast: there is no command ${JSON.stringify(name)}; roomcast --help lists them`);
    return 2;
  }
  const code = await runCommand(command, argv, io);
  return crashed ? 1 : code;
}

process.exit(await main());
