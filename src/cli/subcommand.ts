import { type CommandIo, type ExitCode, UsageError } from './command.ts';

type Subcommand = (argv: readonly string[], io: CommandIo) => Promise<void>;

/** Runs what the first argument names; throws UsageError when it names nothing here. */
export async function runSubcommand(
  argv: readonly string[],
  io: CommandIo,
  subcommands: Readonly<Record<string, Subcommand>>,
): Promise<ExitCode> {
  const [name = '', ...rest] = argv;
  const run = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (run === undefined) {
    throw new UsageError(`say what to do: one of ${Object.keys(subcommands).join(', ')}`);
  }
  await run(rest, io);
  return 0;
}
