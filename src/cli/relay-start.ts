import type { z } from 'zod';
import { startedRelayAnswer, startRelaySchema } from '../api/operator/schemas.ts';
import { openApi } from './api-client.ts';
import { type CommandIo, parseCommandArgs, UsageError } from './command.ts';
import { checkBody, parseAppOption, parseCount, parseRoomOptions, parseUserOption } from './options.ts';
import { newProgrammeOf, PROGRAMME_OPTIONS, readProgrammeFile } from './programme-options.ts';
import { assertOneReader, printWarnings, readTargets } from './target-options.ts';

type StartBody = z.input<typeof startRelaySchema>;

const OPTIONS = {
  room: { type: 'string' },
  'string-room': { type: 'boolean', default: false },
  app: { type: 'string' },
  to: { type: 'string', multiple: true },
  ...PROGRAMME_OPTIONS,
  agent: { type: 'string' },
  single: { type: 'string' },
  'max-idle': { type: 'string' },
  grace: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** The request that these arguments ask for; throws UsageError. */
export async function parseRelayStart(argv: readonly string[], stdin: CommandIo['stdin']) {
  const { values } = parseCommandArgs(argv, OPTIONS);
  const { agent, single } = values;
  assertOneReader({ '--programme': values.programme === '-', '--to': values.to?.includes('-') ?? false });
  const file = await readProgrammeFile(values.programme, stdin);
  const targets = await readTargets('--to', values.to ?? [], stdin);
  if (targets.length === 0) throw new UsageError('--to is missing: give at least one push URL');
  const body: StartBody = {
    room: parseRoomOptions(values).value,
    targets,
    sdkAppId: parseAppOption(values.app),
    ...file,
    ...newProgrammeOf(values, file),
    agentUserId: agent === undefined ? undefined : parseUserOption('--agent', agent),
    single: single === undefined ? undefined : { userId: parseUserOption('--single', single) },
    maxIdleSeconds:
      values['max-idle'] === undefined ? undefined : parseCount('--max-idle', values['max-idle']),
    graceSeconds: values.grace === undefined ? undefined : parseCount('--grace', values.grace),
  };
  return { body: checkBody(startRelaySchema, body), json: values.json };
}

export async function startRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { body, json } = await parseRelayStart(argv, io.stdin);
  const api = await openApi(io);
  const started = await api.call({ method: 'POST', path: '/relays', body, answer: startedRelayAnswer });
  printWarnings(io, started);
  io.stdout(json ? JSON.stringify(started) : `relay ${started.taskId} started, stream ${started.streamId}`);
}
