import { changeProgramme } from '../../domain/programme-change.ts';
import type { Task } from '../../domain/task.ts';
import { withProgramme, withSequence } from '../../domain/task-change.ts';
import { changesProgramme, programmeChange } from './programme-json.ts';
import type { ProgrammeFields } from './programme-schema.ts';

interface ChangeBody extends ProgrammeFields {
  readonly sequenceNumber?: number | undefined;
}

/** The task with the change of its programme; throws `conflict` for an old one. */
export function applyChange<T extends Task>(task: T, body: ChangeBody): T {
  const { sequenceNumber } = body;
  const numbered = sequenceNumber === undefined ? task : withSequence(task, sequenceNumber);
  if (!changesProgramme(body)) return numbered;
  const change = programmeChange(body);
  return withProgramme(numbered, (programme) => changeProgramme(programme, change));
}
