import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { taskEventAnswer } from '../api/operator/event-schemas.ts';
import { toGatewayError } from '../domain/errors.ts';
import { openApi } from './api-client.ts';
import { type Command, type CommandIo, parseCommandArgs } from './command.ts';
import { taskEventLine } from './event-lines.ts';
import { parseAppOption, parseRoomOptions } from './options.ts';

const AGAIN_MS = 1000;

interface Asked {
  readonly room?: string | undefined;
  readonly 'string-room'?: boolean | undefined;
  readonly app?: string | undefined;
  readonly task?: string | undefined;
}

function queryOf(values: Asked): string {
  const query = new URLSearchParams();
  if (values.room !== undefined) {
    query.set('room', String(parseRoomOptions(values).value));
    query.set('stringRoom', String(values['string-room'] === true));
  }
  const app = parseAppOption(values.app);
  if (app !== undefined) query.set('sdkAppId', String(app));
  if (values.task !== undefined) query.set('task', values.task);
  return query.size === 0 ? '' : `?${query}`;
}

/** Prints events until the connection ends; throws what keeps it from being made. */
async function printEvents(query: string, io: CommandIo, json: boolean): Promise<void> {
  const api = await openApi(io);
  const body = await api.open(`/events${query}`);
  for await (const line of createInterface({ input: Readable.fromWeb(body) })) {
    if (!line.startsWith('data: ')) continue;
    const told: unknown = JSON.parse(line.slice('data: '.length));
    io.stdout(json ? JSON.stringify(told) : taskEventLine(taskEventAnswer.parse(told)));
  }
}

function isLater(error: unknown): boolean {
  const { code } = toGatewayError(error);
  return code === 'unreachable' || code === 'internal';
}

/** Connects again for as long as it is only the gateway that went away. */
async function followEvents(query: string, io: CommandIo, json: boolean): Promise<void> {
  await printEvents(query, io, json);
  while (!io.signal.aborted) {
    io.stderr('the connection ended; connecting again');
    await delay(AGAIN_MS, undefined, { signal: io.signal });
    await printEvents(query, io, json).catch((error: unknown) => {
      if (!isLater(error)) throw error;
    });
  }
}

export const eventsCommand: Command = {
  name: 'events',
  usage: 'events [--room R [--string-room]] [--app A] [--task TASK] [--json]',
  summary:
    'Print what mixes and pushes notice, a line an event, until Ctrl-C: odd inputs, overload, targets.',
  help: [
    '--room R       of this room only; --app A: of this app; --task TASK: of its targets and its mix',
    'With --json a line is {"sdkAppId","room","taskId","event":{"type","at",...}}; at is unix ms.',
    'Connects again when the gateway was away; `relay show` has the last events of a task.',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, {
      room: { type: 'string' },
      'string-room': { type: 'boolean', default: false },
      app: { type: 'string' },
      task: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    await followEvents(queryOf(values), io, values.json).catch((error: unknown) => {
      if (!io.signal.aborted) throw error;
    });
    return 0;
  },
};
