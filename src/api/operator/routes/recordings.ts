import { z } from 'zod';
import { GatewayError } from '../../../domain/errors.ts';
import type { JobRef, StoredJobStatus } from '../../../domain/job.ts';
import { hideDestinations } from '../../../domain/push/platforms.ts';
import type { RecordTask, Task } from '../../../domain/task.ts';
import { recordView } from '../../../domain/task-view.ts';
import { assertEncodable } from '../audio-codec.ts';
import type { OperatorDeps } from '../deps.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';
import {
  changeRecordingSchema,
  recordingAnswer,
  shownRecordingAnswer,
  startedAnswer,
  startRecordingSchema,
  taskAnswer,
} from '../schemas.ts';
import { shownOf } from '../shown-task.ts';
import { errorOf, statusOf } from '../status-of.ts';
import { applyChange } from '../task-change.ts';
import { readNewTask } from '../task-source.ts';

/** A start time a little in the past is a caller's clock or a slow line, more is a mistake. */
const PAST_START_MS = 5000;

function assertRecording(task: Task | null, taskId: string): RecordTask {
  if (task?.kind !== 'record') {
    throw new GatewayError('not-found', `there is no recording ${hideDestinations(taskId).slice(0, 80)}`);
  }
  return task;
}

function jobsOf({ taskId, source }: RecordTask): readonly JobRef[] {
  const record: JobRef = { kind: 'record', id: taskId };
  return source.type === 'mix' ? [{ kind: 'mix', id: source.mixTaskId }, record] : [record];
}

type Statuses = ReadonlyMap<string, StoredJobStatus>;

async function view(deps: OperatorDeps, task: RecordTask, statuses: Statuses) {
  const result = await deps.recordings.get(task.taskId);
  const record = statusOf(statuses, 'record', task.taskId);
  return { listed: recordView(task, { record, result, nowMs: deps.now() }), result };
}

async function startRecording(deps: OperatorDeps, body: z.output<typeof startRecordingSchema>) {
  if (body.startAt !== undefined && body.startAt < deps.now() - PAST_START_MS) {
    throw new GatewayError('bad-request', 'startAt: lies in the past');
  }
  const asked = readNewTask(deps, body);
  await assertEncodable(deps, asked.source);
  const task = await deps.tasks.createRecord(asked, {
    formats: [...new Set(body.formats)],
    startAt: body.startAt ?? null,
    durationMs: body.durationMs ?? null,
  });
  return { taskId: task.taskId, streamId: task.streamId };
}

async function changeRecording(deps: OperatorDeps, id: string, body: z.output<typeof changeRecordingSchema>) {
  const changed = await deps.tasks.update(id, (task) => applyChange(assertRecording(task, id), body));
  if (changed === null) {
    assertRecording(await deps.tasks.get(id), id);
    throw new GatewayError('conflict', `the recording ${id} has ended`);
  }
  return { taskId: changed.taskId };
}

/** Starting, changing, stopping and reading recordings. */
export function recordingRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/recordings',
      summary: 'All recordings, oldest first',
      answer: z.array(recordingAnswer),
      handle: async () => {
        const [tasks, statuses] = await Promise.all([deps.tasks.list(), deps.statuses.all()]);
        const recordings = tasks
          .filter((task) => task.kind === 'record')
          .sort((a, b) => a.createdAt - b.createdAt);
        return Promise.all(recordings.map(async (task) => (await view(deps, task, statuses)).listed));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/recordings/:id',
      summary: 'One recording; its files are there once it is ready',
      answer: shownRecordingAnswer,
      handle: async ({ id }) => {
        const [found, statuses, failures] = await Promise.all([
          deps.tasks.get(id),
          deps.statuses.all(),
          deps.failures.all(),
        ]);
        const task = assertRecording(found, id);
        const { listed, result } = await view(deps, task, statuses);
        const onAirMs = result === null || task.endedAt === null ? null : Math.round(result.onAirMs);
        const error = result?.error ?? errorOf({ statuses, failures }, jobsOf(task));
        return { ...listed, ...(await shownOf(task, statuses, deps.events)), onAirMs, error };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/recordings',
      summary: "Record the room's mix, or one stream as it is",
      status: 201,
      body: startRecordingSchema,
      answer: startedAnswer,
      handle: ({ body }) => startRecording(deps, body),
    }),
    defineRoute({
      method: 'PATCH',
      path: '/recordings/:id',
      summary: 'Change the programme of a mixed recording; what is left out goes on untouched',
      body: changeRecordingSchema,
      answer: taskAnswer,
      handle: ({ id, body }) => changeRecording(deps, id, body),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/recordings/:id',
      summary: 'Stop a recording; what was recorded is finished and kept',
      answer: taskAnswer,
      handle: async ({ id }) => {
        assertRecording(await deps.tasks.get(id), id);
        return { taskId: assertRecording(await deps.tasks.stop(id), id).taskId };
      },
    }),
  ];
}
