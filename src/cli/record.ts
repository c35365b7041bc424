import { z } from 'zod';
import {
  changeRecordingSchema,
  recordingAnswer,
  shownRecordingAnswer,
  startedAnswer,
  startRecordingSchema,
  taskAnswer,
} from '../api/operator/schemas.ts';
import { apiPath, openApi } from './api-client.ts';
import { type Command, type CommandIo, parseCommandArgs, UsageError } from './command.ts';
import { parseDuration, parseTime } from './duration.ts';
import { assertFormats } from './later-versions.ts';
import {
  checkBody,
  onlyArgument,
  parseAppOption,
  parseCount,
  parseRoomOptions,
  parseUserOption,
} from './options.ts';
import { newProgrammeOf, PROGRAMME_HELP, PROGRAMME_OPTIONS, readProgrammeFile } from './programme-options.ts';
import { readChange, SEQUENCE_OPTION } from './programme-update.ts';
import { lastEventLines, mixLines, programmeLine } from './relay-show.ts';
import { showRoom } from './room-text.ts';
import { runSubcommand } from './subcommand.ts';
import { alignTable } from './table.ts';

type Recording = z.output<typeof recordingAnswer>;

const JSON_OPTION = { json: { type: 'boolean', default: false } } as const;
const START_OPTIONS = {
  ...JSON_OPTION,
  room: { type: 'string' },
  'string-room': { type: 'boolean', default: false },
  app: { type: 'string' },
  mode: { type: 'string', default: 'mixed' },
  user: { type: 'string' },
  format: { type: 'string', multiple: true },
  at: { type: 'string' },
  for: { type: 'string' },
  'max-idle': { type: 'string' },
  ...PROGRAMME_OPTIONS,
} as const;

function parseSingle(mode: string, user: string | undefined): { userId: string } | undefined {
  if (mode !== 'mixed' && mode !== 'single') throw new UsageError('--mode is mixed or single');
  if (mode === 'mixed' && user !== undefined) throw new UsageError('--user goes with --mode single');
  if (mode === 'mixed') return undefined;
  if (user === undefined) throw new UsageError('--mode single needs --user: whose stream is recorded');
  return { userId: parseUserOption('--user', user) };
}

/** The request that these arguments ask for; throws UsageError. */
export async function parseRecordStart(argv: readonly string[], stdin: CommandIo['stdin']) {
  const { values } = parseCommandArgs(argv, START_OPTIONS);
  assertFormats((values.format ?? []).flatMap((list) => list.split(',')));
  const optional = <T>(text: string | undefined, parse: (given: string) => T) =>
    text === undefined ? undefined : parse(text);
  const file = await readProgrammeFile(values.programme, stdin);
  const body = checkBody(startRecordingSchema, {
    ...file,
    ...newProgrammeOf(values, file),
    room: parseRoomOptions(values).value,
    sdkAppId: parseAppOption(values.app),
    single: parseSingle(values.mode, values.user),
    formats: ['mp4'],
    startAt: optional(values.at, (text) => parseTime('--at', text)),
    durationMs: optional(values.for, (text) => parseDuration('--for', text)),
    maxIdleSeconds: optional(values['max-idle'], (text) => parseCount('--max-idle', text)),
  });
  return { body, json: values.json };
}

async function startRecording(argv: readonly string[], io: CommandIo): Promise<void> {
  const { body, json } = await parseRecordStart(argv, io.stdin);
  const api = await openApi(io);
  const started = await api.call({ method: 'POST', path: '/recordings', body, answer: startedAnswer });
  const text = `recording ${started.taskId} started, stream ${started.streamId}`;
  io.stdout(json ? JSON.stringify(started) : text);
}

async function updateRecording(argv: readonly string[], io: CommandIo): Promise<void> {
  const options = { ...JSON_OPTION, ...PROGRAMME_OPTIONS, ...SEQUENCE_OPTION } as const;
  const { values, positionals } = parseCommandArgs(argv, options, true);
  const path = apiPath('recordings', onlyArgument(positionals, 'task'));
  const task = { api: () => openApi(io), path, answer: shownRecordingAnswer };
  const body = checkBody(changeRecordingSchema, await readChange(values, io, task));
  const api = await openApi(io);
  const { taskId } = await api.call({ method: 'PATCH', path, body, answer: taskAnswer });
  io.stdout(values.json ? JSON.stringify({ taskId }) : `recording ${taskId} updated`);
}

async function stopRecording(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, JSON_OPTION, true);
  const path = apiPath('recordings', onlyArgument(positionals, 'task'));
  const api = await openApi(io);
  const { taskId } = await api.call({ method: 'DELETE', path, answer: taskAnswer });
  io.stdout(values.json ? JSON.stringify({ taskId }) : `recording ${taskId} stopped`);
}

function fileCells(file: Recording['files'][number]): string[] {
  const { playable, gaps, secondsLost } = file.verdict;
  const verdict = playable ? `playable, ${gaps} gaps, ${secondsLost} s lost` : 'not playable';
  return [
    `${(file.durationMs / 1000).toFixed(1)} s`,
    `${(file.bytes / 1e6).toFixed(1)} MB`,
    verdict,
    file.path,
  ];
}

function lines(recordings: readonly Recording[]): string[] {
  if (recordings.length === 0) return ['no recording'];
  const rows = recordings.flatMap((recording) => {
    const state = recording.auto ? `${recording.state} (auto)` : recording.state;
    const own = [recording.taskId, showRoom(recording.room), state];
    if (recording.files.length === 0) return [[...own, '', '', '', '']];
    return recording.files.map((file, index) => [...(index === 0 ? own : ['', '', '']), ...fileCells(file)]);
  });
  return alignTable(['TASK', 'ROOM', 'STATE', 'LENGTH', 'SIZE', 'VERDICT', 'FILE'], rows);
}

async function listRecordings(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values } = parseCommandArgs(argv, JSON_OPTION);
  const api = await openApi(io);
  const recordings = await api.call({
    method: 'GET',
    path: '/recordings',
    answer: z.array(recordingAnswer),
  });
  if (values.json) io.stdout(JSON.stringify(recordings));
  else lines(recordings).forEach(io.stdout);
}

async function showRecording(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, JSON_OPTION, true);
  const path = apiPath('recordings', onlyArgument(positionals, 'task'));
  const api = await openApi(io);
  const recording = await api.call({ method: 'GET', path, answer: shownRecordingAnswer });
  if (values.json) {
    io.stdout(JSON.stringify(recording));
    return;
  }
  const { programme, mix, error } = recording;
  if (programme) io.stdout(programmeLine(programme));
  lines([recording]).forEach(io.stdout);
  if (error !== null) io.stdout(`failed: ${error}`);
  if (mix) [...mixLines(mix), ...lastEventLines(mix.events)].forEach(io.stdout);
}

export const recordCommand: Command = {
  name: 'record',
  usage: 'record start|update|stop|list|show ... [--json]',
  summary: "Record a room's mix, or one user's stream, to MP4.",
  help: [
    'start --room R [--string-room] [--app A] [--mode mixed|single] [--user U] [--format mp4]',
    '      [--at TIME] [--for DURATION] [--max-idle SECONDS] [PROGRAMME]',
    '   --mode single records the stream of --user as it is',
    '   --at is a time like 2026-11-22T18:30 (here) or 2026-11-22T17:30:00Z; at once by default',
    '   --for is a duration like 90s, 10m or 1h30m; until `stop` or the end of the room by default',
    '   --max-idle ends the recording after that long without a publisher, 5 to 86400, 30 by default',
    '   prints {"taskId","streamId"} with --json',
    'update TASK [PROGRAMME] [--sequence N]   changes a mixed recording while it runs',
    ...PROGRAMME_HELP,
    'stop TASK   finishes the file; prints {"taskId"} with --json',
    'list        (auto): nobody started it, autoRecord of the app did',
    'show TASK',
    'list and show print with --json what the operator API answers, show besides "onAirMs", "error", "programme"',
    'as --programme takes it and "mix":',
    '{"taskId","room","state","auto","files":[{"path","userId","durationMs","bytes","verdict":{"playable","gaps","secondsLost"}}]}',
  ],
  run: (argv, io) =>
    runSubcommand(argv, io, {
      start: startRecording,
      update: updateRecording,
      stop: stopRecording,
      list: listRecordings,
      show: showRecording,
    }),
};
