import { z } from 'zod';
import { changeRelaySchema, relayAnswer, shownRelayAnswer, taskAnswer } from '../api/operator/schemas.ts';
import { retryRelaySchema } from '../api/operator/target-schema.ts';
import { apiPath, openApi } from './api-client.ts';
import { type Command, type CommandIo, parseCommandArgs, UsageError } from './command.ts';
import { checkBody, onlyArgument, readUrls } from './options.ts';
import { PROGRAMME_HELP, PROGRAMME_OPTIONS } from './programme-options.ts';
import { readChange, SEQUENCE_OPTION } from './programme-update.ts';
import { checkRelay } from './relay-check.ts';
import { lastEventLines, mixLines, programmeLine } from './relay-show.ts';
import { startRelay } from './relay-start.ts';
import { showRoom } from './rooms.ts';
import { runSubcommand } from './subcommand.ts';
import { alignTable } from './table.ts';

type Relay = z.output<typeof relayAnswer>;

const JSON_OPTION = { json: { type: 'boolean', default: false } } as const;

function say(io: CommandIo, json: boolean, taskId: string, what: string): void {
  io.stdout(json ? JSON.stringify({ taskId }) : `relay ${taskId} ${what}`);
}

async function updateRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const options = {
    ...JSON_OPTION,
    add: { type: 'string', multiple: true },
    remove: { type: 'string', multiple: true },
    ...PROGRAMME_OPTIONS,
    ...SEQUENCE_OPTION,
  } as const;
  const { values, positionals } = parseCommandArgs(argv, options, true);
  const path = apiPath('relays', onlyArgument(positionals, 'task'));
  if (values.programme === '-' && values.add?.includes('-')) {
    throw new UsageError('stdin is either the programme or the URLs');
  }
  const add = await readUrls('--add', values.add ?? [], io.stdin);
  const change = await readChange(values, io, { api: () => openApi(io), path, answer: shownRelayAnswer });
  // A URL as `relay list` shows it is good enough to remove it: it need not parse.
  const body = checkBody(changeRelaySchema, { add, remove: values.remove ?? [], ...change });
  const api = await openApi(io);
  const { taskId } = await api.call({ method: 'PATCH', path, body, answer: taskAnswer });
  say(io, values.json, taskId, 'updated');
}

async function stopRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, JSON_OPTION, true);
  const path = apiPath('relays', onlyArgument(positionals, 'task'));
  const api = await openApi(io);
  const { taskId } = await api.call({ method: 'DELETE', path, answer: taskAnswer });
  say(io, values.json, taskId, 'stopped');
}

async function retryRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, JSON_OPTION, true);
  const [task, url, ...more] = positionals;
  if (task === undefined || url === undefined || more.length > 0) {
    throw new UsageError('give a task and one of its URLs');
  }
  const body = checkBody(retryRelaySchema, { url });
  const api = await openApi(io);
  const path = apiPath('relays', task, '/retry');
  const { taskId } = await api.call({ method: 'POST', path, body, answer: taskAnswer });
  say(io, values.json, taskId, 'connects that target now');
}

function lines(relays: readonly Relay[], nowMs: number): string[] {
  if (relays.length === 0) return ['no relay'];
  const rows = relays.flatMap((relay) =>
    relay.targets.map((target, index) => {
      const own = index === 0 ? [relay.taskId, showRoom(relay.room), relay.state] : ['', '', ''];
      return [...own, target.state, `${(target.bytes / 1e6).toFixed(1)} MB`, target.url, note(target, nowMs)];
    }),
  );
  return alignTable(['TASK', 'ROOM', 'STATE', 'TARGET', 'SENT', 'URL', ''], rows);
}

function note(target: Relay['targets'][number], nowMs: number): string {
  const next =
    target.nextRetryAt === null
      ? ''
      : ` (attempt ${target.attempt}, next in ${Math.max(0, Math.ceil((target.nextRetryAt - nowMs) / 1000))} s)`;
  return target.state === 'live' ? '' : `${target.lastError?.message ?? ''}${next}`;
}

async function listRelays(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values } = parseCommandArgs(argv, { ...JSON_OPTION, all: { type: 'boolean', default: false } });
  const api = await openApi(io);
  const path = values.all ? '/relays?all=true' : '/relays';
  const relays = await api.call({ method: 'GET', path, answer: z.array(relayAnswer) });
  if (values.json) io.stdout(JSON.stringify(relays));
  else lines(relays, Date.now()).forEach(io.stdout);
}

async function showRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, JSON_OPTION, true);
  const path = apiPath('relays', onlyArgument(positionals, 'task'));
  const api = await openApi(io);
  const relay = await api.call({ method: 'GET', path, answer: shownRelayAnswer });
  if (values.json) {
    io.stdout(JSON.stringify(relay));
    return;
  }
  const { programme, mix, push, error } = relay;
  io.stdout(`stream ${relay.streamId}`);
  if (programme) io.stdout(programmeLine(programme));
  lines([relay], Date.now()).forEach(io.stdout);
  if (error !== null) io.stdout(`does not run: ${error}`);
  if (mix) mixLines(mix).forEach(io.stdout);
  lastEventLines([...(mix?.events ?? []), ...push.events]).forEach(io.stdout);
}

export const relayCommand: Command = {
  name: 'relay',
  usage: 'relay start|update|stop|retry|list|show ... [--json]',
  summary: "Push a room's mix, or one user's stream, to live platforms and servers.",
  help: [
    'start --room R [--string-room] [--app A] --to URL ... [--single USER | PROGRAMME] [--agent USER]',
    '      [--max-idle SECONDS]',
    '   --to may be given several times; `--to -` reads URLs from stdin, one a line',
    "   --single copies one user's stream as it is, without mixing",
    '   --agent is the user as whom the mix is published, mix_ and 8 letters of the task by default',
    '   --max-idle ends the relay after that long without a publisher, 5 to 86400, 30 by default',
    '   prints {"taskId","streamId"} with --json',
    'update TASK [--add URL ...] [--remove URL ...] [PROGRAMME] [--sequence N]',
    '   what is not named goes on untouched; a URL to remove is whole or as `list` shows it',
    '   a change is made on the air, and everything that shares the mix shows it; pushes go on',
    '   --sequence numbers the change: one that is not above the last is refused',
    ...PROGRAMME_HELP,
    'stop TASK',
    'retry TASK URL      connect that target now instead of at its next attempt',
    'check URL           try a URL up to the accepted stream and leave at once; `check -` reads it from stdin',
    'list [--all]        relays that run or ended within the last hour; --all: the last 30 days',
    'show TASK',
    'update, stop and retry print {"taskId"} with --json; list and show what the operator API answers, show',
    'besides "error": why it does not run, "programme": as --programme takes it, "mix": its inputs, figures and events,',
    '"push": events of its targets;',
    'keys hidden: {"taskId","room","state","streamId","targets":[{"url","state","attempt","nextRetryAt","lastError","bytes"}]}',
  ],
  run: (argv, io) =>
    runSubcommand(argv, io, {
      start: startRelay,
      update: updateRelay,
      stop: stopRelay,
      retry: retryRelay,
      check: checkRelay,
      list: listRelays,
      show: showRelay,
    }),
};
