import type { ProgrammeFields } from '../api/operator/programme-schema.ts';
import type { shownRecordingAnswer, shownRelayAnswer } from '../api/operator/schemas.ts';
import { GatewayError } from '../domain/errors.ts';
import type { ApiClient } from './api-client.ts';
import type { CommandIo } from './command.ts';
import { parseCount } from './options.ts';
import { type ProgrammeValues, programmeOf, readProgrammeFile, startedWith } from './programme-options.ts';

export const SEQUENCE_OPTION = { sequence: { type: 'string' } } as const;

interface UpdateValues extends ProgrammeValues {
  readonly sequence?: string | undefined;
}

/** Options whose meaning depends on what the task shows now. */
const RELATIVE = ['main', 'main-side', 'text', 'logo', 'timestamp', 'mute', 'unmute', 'level'] as const;

/** The change that the options and the file ask for of a task of the API; throws UsageError and `bad-request`. */
export async function readChange(
  values: UpdateValues,
  io: CommandIo,
  task: {
    readonly api: () => Promise<ApiClient>;
    readonly path: string;
    readonly answer: typeof shownRelayAnswer | typeof shownRecordingAnswer;
  },
): Promise<ProgrammeFields & { sequenceNumber?: number | undefined }> {
  const file = await readProgrammeFile(values.programme, io.stdin);
  const sequenceNumber =
    values.sequence === undefined ? undefined : parseCount('--sequence', values.sequence);
  if (RELATIVE.every((name) => values[name] === undefined)) {
    return { ...file, ...programmeOf(values, startedWith(file)), sequenceNumber };
  }
  const api = await task.api();
  const { programme } = await api.call({ method: 'GET', path: task.path, answer: task.answer });
  if (programme === null) {
    throw new GatewayError('bad-request', 'a copy of one stream has no programme to change');
  }
  return { ...file, ...programmeOf(values, startedWith({ ...programme, ...file })), sequenceNumber };
}
