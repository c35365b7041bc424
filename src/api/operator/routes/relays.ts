import { z } from 'zod';
import { GatewayError } from '../../../domain/errors.ts';
import type { JobRef, StoredJobStatus } from '../../../domain/job.ts';
import { hideDestinations } from '../../../domain/push/platforms.ts';
import type { RoomFacts } from '../../../domain/room.ts';
import type { RelayTask, Task } from '../../../domain/task.ts';
import { withPaused, withRetry, withRetryOfAll } from '../../../domain/task-change.ts';
import { type RelayView, relayView } from '../../../domain/task-view.ts';
import { assertEncodable } from '../audio-codec.ts';
import type { OperatorDeps } from '../deps.ts';
import { createDestinationChecks } from '../destination-check.ts';
import { pushEventView } from '../push-view.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';
import {
  changedRelayAnswer,
  changeRelaySchema,
  listQuerySchema,
  relayAnswer,
  shownRelayAnswer,
  startedRelayAnswer,
  startRelaySchema,
  taskAnswer,
} from '../schemas.ts';
import { shownOf } from '../shown-task.ts';
import { errorOf, statusOf } from '../status-of.ts';
import { checkAnswer, checkRelaySchema, namedTargetSchema, retryRelaySchema } from '../target-schema.ts';
import { changeTargets, findTarget, makeTargets, programmeWarnings } from '../targets.ts';
import { applyChange } from '../task-change.ts';
import { hasPublisher, readNewTask } from '../task-source.ts';

const ENDED_SHOWN_MS = 3_600_000;

function assertRelay(task: Task | null, taskId: string): RelayTask {
  if (task?.kind !== 'relay')
    throw new GatewayError('not-found', `there is no relay ${hideDestinations(taskId).slice(0, 80)}`);
  return task;
}

interface Known {
  readonly rooms: readonly RoomFacts[];
  readonly statuses: ReadonlyMap<string, StoredJobStatus>;
}

async function readKnown(deps: OperatorDeps): Promise<Known> {
  const [rooms, statuses] = await Promise.all([deps.rooms.list(), deps.statuses.all()]);
  return { rooms, statuses };
}

function view(task: RelayTask, { rooms, statuses }: Known): RelayView {
  const { source, taskId } = task;
  return relayView(task, {
    push: statusOf(statuses, 'push', taskId),
    mix: source.type === 'mix' ? statusOf(statuses, 'mix', source.mixTaskId) : null,
    hasPublisher: hasPublisher(rooms, task),
  });
}

function jobsOf({ taskId, source }: RelayTask): readonly JobRef[] {
  const push: JobRef = { kind: 'push', id: taskId };
  return source.type === 'mix' ? [{ kind: 'mix', id: source.mixTaskId }, push] : [push];
}

async function startRelay(deps: OperatorDeps, body: z.output<typeof startRelaySchema>) {
  const asked = readNewTask(deps, body);
  const targets = makeTargets(deps, asked.appId, body.targets);
  await assertEncodable(deps, asked.source);
  const task = await deps.tasks.createRelay({ ...asked, graceSeconds: body.graceSeconds }, targets);
  return { taskId: task.taskId, streamId: task.streamId, ...programmeWarnings(task) };
}

async function changeRelay(deps: OperatorDeps, id: string, change: (task: RelayTask) => RelayTask) {
  const changed = await deps.tasks.update(id, (task) => change(assertRelay(task, id)));
  if (changed === null) {
    assertRelay(await deps.tasks.get(id), id);
    throw new GatewayError('conflict', `the relay ${id} has ended`);
  }
  return assertRelay(changed, id);
}

function readRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/relays',
      summary: 'Relays that run or ended within the last hour, oldest first',
      query: listQuerySchema,
      answer: z.array(relayAnswer),
      handle: async ({ query }) => {
        const [tasks, known] = await Promise.all([deps.tasks.list(), readKnown(deps)]);
        const oldest = query.all === 'true' ? 0 : deps.now() - ENDED_SHOWN_MS;
        const relays = tasks
          .filter((task) => task.kind === 'relay')
          .filter((task) => task.endedAt === null || task.endedAt > oldest)
          .sort((a, b) => a.createdAt - b.createdAt);
        return relays.map((task) => view(task, known));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/relays/:id',
      summary: 'One relay',
      answer: shownRelayAnswer,
      handle: async ({ id }) => {
        const [found, known, failures, pushEvents] = await Promise.all([
          deps.tasks.get(id),
          readKnown(deps),
          deps.failures.all(),
          deps.events.ofPush(id),
        ]);
        const task = assertRelay(found, id);
        const error = errorOf({ ...known, failures }, jobsOf(task));
        const shown = await shownOf(task, known.statuses, deps.events);
        return { ...view(task, known), ...shown, push: { events: pushEvents.map(pushEventView) }, error };
      },
    }),
  ];
}

/** Routes of one target: retry, pause, resume. */
function targetRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  async function changeOne(
    id: string,
    name: string,
    change: (task: RelayTask, targetId: string) => RelayTask,
  ) {
    const changed = await changeRelay(deps, id, (task) =>
      change(task, findTarget(deps, task.targets, name).id),
    );
    return { taskId: changed.taskId };
  }

  return [
    defineRoute({
      method: 'POST',
      path: '/relays/:id/retry',
      summary: 'Connect a target, or all that wait, now instead of at the next attempt',
      body: retryRelaySchema,
      answer: taskAnswer,
      handle: async ({ id, body: { url } }) => {
        if (url !== undefined) return changeOne(id, url, withRetry);
        return { taskId: (await changeRelay(deps, id, withRetryOfAll)).taskId };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/relays/:id/pause',
      summary: 'Take a target off the air until it is resumed',
      body: namedTargetSchema,
      answer: taskAnswer,
      handle: ({ id, body }) => changeOne(id, body.url, (task, target) => withPaused(task, target, true)),
    }),
    defineRoute({
      method: 'POST',
      path: '/relays/:id/resume',
      summary: 'Put a paused target on the air again',
      body: namedTargetSchema,
      answer: taskAnswer,
      handle: ({ id, body }) => changeOne(id, body.url, (task, target) => withPaused(task, target, false)),
    }),
  ];
}

/** Starting, changing, stopping, reading and trying out relays. */
export function relayRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  const check = createDestinationChecks(deps);
  return [
    ...readRoutes(deps),
    ...targetRoutes(deps),
    defineRoute({
      method: 'POST',
      path: '/relays',
      summary: 'Start a relay: mix the room, or copy one stream, and push it to the targets',
      status: 201,
      body: startRelaySchema,
      answer: startedRelayAnswer,
      handle: ({ body }) => startRelay(deps, body),
    }),
    defineRoute({
      method: 'POST',
      path: '/relays/check',
      summary: 'Try a destination up to the accepted stream, and leave at once',
      body: checkRelaySchema,
      answer: checkAnswer,
      handle: ({ body }) => check(body.url),
    }),
    defineRoute({
      method: 'PATCH',
      path: '/relays/:id',
      summary: 'Add, remove and replace targets, change the programme; what is left out goes on untouched',
      body: changeRelaySchema,
      answer: changedRelayAnswer,
      handle: async ({ id, body }) => {
        const changed = await changeRelay(deps, id, (task) =>
          applyChange(changeTargets(deps, task, body), body),
        );
        return { taskId: changed.taskId, ...programmeWarnings(changed) };
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/relays/:id',
      summary: 'Stop a relay; stopping one that has ended changes nothing',
      answer: taskAnswer,
      handle: async ({ id }) => {
        assertRelay(await deps.tasks.get(id), id);
        return { taskId: assertRelay(await deps.tasks.stop(id), id).taskId };
      },
    }),
  ];
}
