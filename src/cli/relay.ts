import { shownRelayAnswer, taskAnswer } from '../api/operator/schemas.ts';
import { apiPath, openApi } from './api-client.ts';
import { type Command, type CommandIo, parseCommandArgs } from './command.ts';
import { onlyArgument } from './options.ts';
import { PROGRAMME_HELP } from './programme-options.ts';
import { checkRelay } from './relay-check.ts';
import { listRelays, targetLines } from './relay-list.ts';
import { lastEventLines, mixLines, programmeLine } from './relay-show.ts';
import { startRelay } from './relay-start.ts';
import { pauseRelay, resumeRelay, retryRelay, updateRelay } from './relay-targets.ts';
import { showRoom } from './room-text.ts';
import { runSubcommand } from './subcommand.ts';

const JSON_OPTION = { json: { type: 'boolean', default: false } } as const;

async function stopRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, JSON_OPTION, true);
  const path = apiPath('relays', onlyArgument(positionals, 'task'));
  const api = await openApi(io);
  const { taskId } = await api.call({ method: 'DELETE', path, answer: taskAnswer });
  io.stdout(values.json ? JSON.stringify({ taskId }) : `relay ${taskId} stopped`);
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
  io.stdout(`relay ${relay.taskId}, room ${showRoom(relay.room)}: ${relay.state}; stream ${relay.streamId}`);
  if (programme) io.stdout(programmeLine(programme));
  targetLines(relay.targets, Date.now(), true).forEach(io.stdout);
  if (error !== null) io.stdout(`does not run: ${error}`);
  if (mix) mixLines(mix).forEach(io.stdout);
  lastEventLines([...(mix?.events ?? []), ...push.events]).forEach(io.stdout);
}

export const relayCommand: Command = {
  name: 'relay',
  usage: 'relay start|update|stop|retry|pause|resume|list|show|check ... [--json]',
  summary: "Push a room's mix, or one user's stream, to live platforms and servers.",
  help: [
    'start --room R [--string-room] [--app A] --to TARGET ... [--single USER | PROGRAMME] [--agent USER]',
    '      [--max-idle SECONDS] [--grace SECONDS]',
    '   --to may be given several times; `--to -` reads targets from stdin, one a line',
    '   a TARGET is rtmp[s]://[user:password@]host[:port]/app/key, or a platform with its key: youtube:KEY,',
    '   twitch:KEY, facebook:KEY, kick:KEY, x:KEY, bilibili:KEY; or with the URL it gave: tiktok:URL, douyin:URL;',
    '   or JSON: {"url","platform","mergeMs","retry":{"network":{"firstSeconds","maxSeconds","attempts"},"refused":...},"paused"}',
    "   --single copies one user's stream as it is, without mixing",
    '   --agent is the user as whom the mix is published, mix_ and 8 letters of the task by default',
    '   --max-idle ends the relay after that long without a publisher, 5 to 86400, 30 by default',
    '   --grace keeps sessions at targets open for that long without the stream, 0 to 600, 10 by default',
    '   prints {"taskId","streamId"} with --json; with "warnings" where the programme breaks a known limit of a platform',
    'update TASK [--add TARGET ...] [--remove URL ...] [--replace URL=TARGET ...] [PROGRAMME] [--sequence N]',
    '   what is not named goes on untouched; a target that is there is named by its id or its URL, whole or as shown',
    '   --replace keeps place and settings of the old one; `--replace ID=-` reads the new one from stdin',
    '   a change is made on the air, and everything that shares the mix shows it; pushes go on',
    '   --sequence numbers the change: one that is not above the last is refused',
    ...PROGRAMME_HELP,
    'stop TASK',
    'retry TASK [URL]    connect that target, or all that wait, now instead of at the next attempt',
    'pause TASK URL      keep that target off the air, also across restarts; resume TASK URL puts it on again',
    'list [--all]        relays that run or ended within the last hour; --all: the last 30 days; (auto): nobody started',
    '   it, autoRelay of the app did',
    'show TASK           with whole URLs, the mix and the last events',
    'check TARGET        try a target up to the accepted stream and leave at once; `-` reads it from stdin. By the running',
    '   roomcast where there is one, from its machine; says what is wrong and what to do. With --json prints',
    '   {"url","ok","steps":[{"step","ok","ms"}],"error","limits"}; exit code 1 when it would not be taken',
    'update, stop, retry, pause and resume print {"taskId"} with --json; list and show what the operator API answers,',
    'show besides "error": why it does not run, "programme": as --programme takes it, "mix": its inputs, figures and events,',
    '"push": events of its targets;',
    'keys hidden: {"taskId","room","state","streamId","auto","targets":[{"url","state","attempt","nextRetryAt","lastError","bytes",',
    '"id","kbps","takenBy","lagMs","droppedFrames","reconnects","onAirMs","warnings"}]}',
  ],
  run: (argv, io) =>
    runSubcommand(argv, io, {
      start: startRelay,
      update: updateRelay,
      stop: stopRelay,
      retry: retryRelay,
      pause: pauseRelay,
      resume: resumeRelay,
      list: listRelays,
      show: showRelay,
      check: checkRelay,
    }),
};
