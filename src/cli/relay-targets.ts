import type { z } from 'zod';
import {
  changedRelayAnswer,
  changeRelaySchema,
  shownRelayAnswer,
  taskAnswer,
} from '../api/operator/schemas.ts';
import { namedTargetSchema, retryRelaySchema } from '../api/operator/target-schema.ts';
import { apiPath, openApi } from './api-client.ts';
import { type CommandIo, parseCommandArgs, UsageError } from './command.ts';
import { checkBody, onlyArgument } from './options.ts';
import { PROGRAMME_OPTIONS } from './programme-options.ts';
import { readChange, SEQUENCE_OPTION } from './programme-update.ts';
import { assertOneReader, printWarnings, readReplacements, readTargets } from './target-options.ts';

const JSON_OPTION = { json: { type: 'boolean', default: false } } as const;

const UPDATE_OPTIONS = {
  ...JSON_OPTION,
  add: { type: 'string', multiple: true },
  remove: { type: 'string', multiple: true },
  replace: { type: 'string', multiple: true },
  ...PROGRAMME_OPTIONS,
  ...SEQUENCE_OPTION,
} as const;

export async function updateRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, UPDATE_OPTIONS, true);
  const path = apiPath('relays', onlyArgument(positionals, 'task'));
  assertOneReader({
    '--programme': values.programme === '-',
    '--add': values.add?.includes('-') ?? false,
    '--replace': values.replace?.some((value) => value.endsWith('=-')) ?? false,
  });
  const add = await readTargets('--add', values.add ?? [], io.stdin);
  const replace = await readReplacements(values.replace ?? [], io.stdin);
  const change = await readChange(values, io, { api: () => openApi(io), path, answer: shownRelayAnswer });
  // A target to remove is named as `relay list` shows it, or by its id: it need not be a URL.
  const body = checkBody(changeRelaySchema, { add, remove: values.remove ?? [], replace, ...change });
  const api = await openApi(io);
  const changed = await api.call({ method: 'PATCH', path, body, answer: changedRelayAnswer });
  printWarnings(io, changed);
  io.stdout(values.json ? JSON.stringify(changed) : `relay ${changed.taskId} updated`);
}

interface OneTarget {
  readonly verb: 'retry' | 'pause' | 'resume';
  readonly schema: z.ZodType;
  readonly done: (isAll: boolean) => string;
}

function commandOf({ verb, schema, done }: OneTarget) {
  return async (argv: readonly string[], io: CommandIo): Promise<void> => {
    const { values, positionals } = parseCommandArgs(argv, JSON_OPTION, true);
    const [task, url, ...more] = positionals;
    const isAll = url === undefined;
    if (task === undefined || more.length > 0 || (isAll && verb !== 'retry')) {
      throw new UsageError('give a task and one of its targets, by its id or URL');
    }
    const body = checkBody(schema, isAll ? {} : { url });
    const api = await openApi(io);
    const path = apiPath('relays', task, `/${verb}`);
    const { taskId } = await api.call({ method: 'POST', path, body, answer: taskAnswer });
    io.stdout(values.json ? JSON.stringify({ taskId }) : `relay ${taskId} ${done(isAll)}`);
  };
}

export const retryRelay = commandOf({
  verb: 'retry',
  schema: retryRelaySchema,
  done: (isAll) => (isAll ? 'connects all targets that wait' : 'connects that target now'),
});

export const pauseRelay = commandOf({
  verb: 'pause',
  schema: namedTargetSchema,
  done: () => 'keeps that target off the air',
});

export const resumeRelay = commandOf({
  verb: 'resume',
  schema: namedTargetSchema,
  done: () => 'puts that target on the air',
});
