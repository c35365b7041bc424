import { z } from 'zod';
import { GatewayError } from '../../../domain/errors.ts';
import type { StoredJobStatus } from '../../../domain/job.ts';
import type { RecordTask, Task } from '../../../domain/task.ts';
import { type RecordView, recordView } from '../../../domain/task-view.ts';
import type { OperatorDeps } from '../deps.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';
import { recordingAnswer, startedAnswer, startRecordingSchema, taskAnswer } from '../schemas.ts';
import { statusOf } from '../status-of.ts';
import { readNewTask } from '../task-source.ts';

/** A start time a little in the past is a caller's clock or a slow line, more is a mistake. */
const PAST_START_MS = 5000;

function assertRecording(task: Task | null, taskId: string): RecordTask {
  if (task?.kind !== 'record') {
    throw new GatewayError('not-found', `there is no recording ${taskId.slice(0, 80)}`);
  }
  return task;
}

async function view(
  deps: OperatorDeps,
  task: RecordTask,
  statuses: ReadonlyMap<string, StoredJobStatus>,
): Promise<RecordView> {
  return recordView(task, {
    record: statusOf(statuses, 'record', task.taskId),
    result: await deps.recordings.get(task.taskId),
    nowMs: deps.now(),
  });
}

async function startRecording(deps: OperatorDeps, body: z.output<typeof startRecordingSchema>) {
  if (body.startAt !== undefined && body.startAt < deps.now() - PAST_START_MS) {
    throw new GatewayError('bad-request', 'startAt: lies in the past');
  }
  const task = await deps.tasks.createRecord(readNewTask(deps, body), {
    formats: [...new Set(body.formats)],
    startAt: body.startAt ?? null,
    durationMs: body.durationMs ?? null,
  });
  return { taskId: task.taskId, streamId: task.streamId };
}

/** Starting, stopping and reading recordings. */
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
        return Promise.all(recordings.map((task) => view(deps, task, statuses)));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/recordings/:id',
      summary: 'One recording; its files are there once it is ready',
      answer: recordingAnswer,
      handle: async ({ id }) => {
        const [task, statuses] = await Promise.all([deps.tasks.get(id), deps.statuses.all()]);
        return view(deps, assertRecording(task, id), statuses);
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
