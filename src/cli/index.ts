import { blockCommand, unblockCommand } from './block.ts';
import { checkConfigCommand } from './check-config.ts';
import type { Command } from './command.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { eventsCommand } from './events.ts';
import { gatewayCommand } from './gateway.ts';
import { layoutCommand } from './layout.ts';
import { playUrlCommand } from './play-url.ts';
import { publishUrlCommand } from './publish-url.ts';
import { recordCommand } from './record.ts';
import { relayCommand } from './relay.ts';
import { roomsCommand } from './rooms.ts';
import { startCommand } from './start.ts';
import { usersigCommand } from './usersig.ts';
import { workerCommand } from './worker.ts';
import { workersCommand } from './workers.ts';

/** Every command, in the order `--help` shows them. */
export const COMMANDS: readonly Command[] = [
  startCommand,
  gatewayCommand,
  workerCommand,
  demoCommand,
  usersigCommand,
  publishUrlCommand,
  roomsCommand,
  blockCommand,
  unblockCommand,
  workersCommand,
  relayCommand,
  recordCommand,
  eventsCommand,
  layoutCommand,
  playUrlCommand,
  checkConfigCommand,
  doctorCommand,
];

const NAME_WIDTH = 14;

export function globalHelp(): string[] {
  return [
    'Usage: roomcast COMMAND [OPTIONS]',
    '',
    ...COMMANDS.map((command) => `  ${command.name.padEnd(NAME_WIDTH)}${command.summary}`),
    '',
    'Every command has --help and --json. Settings are environment variables: roomcast check-config shows them.',
  ];
}

export function commandHelp(command: Command): string[] {
  return [
    `Usage: roomcast ${command.usage}`,
    '',
    command.summary,
    ...command.help.map((line) => `  ${line}`),
  ];
}
