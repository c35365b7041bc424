import type { CallbackFigures, CallbackOutcome } from '../../domain/callback/callback.ts';
import type { RecordStatus, StoredJobStatus } from '../../domain/job.ts';
import type { RoomFacts } from '../../domain/room.ts';
import type { Task } from '../../domain/task.ts';
import type { WorkerFacts } from '../../domain/worker.ts';
import { statusOf } from '../operator/status-of.ts';
import { type Figure, familiesOf, type Labelled, type MetricFamily } from './exposition.ts';
import { mixMetrics } from './mix-metrics.ts';
import { targetMetrics } from './target-metrics.ts';

/** What all gateways know alike. */
export interface SharedFacts {
  /** Those that have not ended. */
  readonly tasks: readonly Task[];
  /** By job key. */
  readonly statuses: ReadonlyMap<string, StoredJobStatus>;
  readonly rooms: readonly RoomFacts[];
  readonly workers: readonly WorkerFacts[];
  /** Of apps that want callbacks. */
  readonly callbacks: readonly CallbackFigures[];
}

const WORKER_FIGURES: readonly Figure<WorkerFacts>[] = [
  {
    name: 'roomcast_worker_cores',
    type: 'gauge',
    help: 'Cores a worker may use.',
    value: ({ cores }) => cores,
  },
  {
    name: 'roomcast_worker_spare_cores',
    type: 'gauge',
    help: 'Cores not used over the last 5 s and not set aside for a mix.',
    value: ({ spareCores }) => spareCores,
  },
  {
    name: 'roomcast_worker_mixes',
    type: 'gauge',
    help: 'Mixes that run on a worker.',
    value: ({ mixes }) => mixes,
  },
];

const APP_FIGURES: readonly Figure<readonly RoomFacts[]>[] = [
  {
    name: 'roomcast_rooms',
    type: 'gauge',
    help: 'Rooms with users.',
    value: (rooms) => rooms.length,
  },
  {
    name: 'roomcast_users',
    type: 'gauge',
    help: 'Users in rooms, those with a lost connection among them.',
    value: (rooms) => rooms.reduce((sum, { users }) => sum + users.length, 0),
  },
];

const RECORD_STATES: readonly RecordStatus['state'][] = ['waiting', 'recording', 'closing'];

function byApp(rooms: readonly RoomFacts[]): readonly Labelled<readonly RoomFacts[]>[] {
  const apps = [...new Set(rooms.map(({ appId }) => appId))].sort((a, b) => a - b);
  return apps.map((app) => ({
    labels: { app: String(app) },
    of: rooms.filter(({ appId }) => appId === app),
  }));
}

function taskFamily(tasks: readonly Task[]): MetricFamily {
  return {
    name: 'roomcast_task_info',
    type: 'gauge',
    help: '1 for each task that has not ended, with whose room it is of.',
    samples: tasks.map(({ appId, taskId, kind, room }) => ({
      labels: { app: String(appId), task: taskId, kind, room: String(room.value) },
      value: 1,
    })),
  };
}

/** A recording that no worker reports waits. */
function recordFamily(tasks: readonly Task[], statuses: ReadonlyMap<string, StoredJobStatus>): MetricFamily {
  const found = tasks
    .filter(({ kind }) => kind === 'record')
    .map(({ taskId }) => statusOf(statuses, 'record', taskId)?.state ?? 'waiting');
  return {
    name: 'roomcast_recordings',
    type: 'gauge',
    help: 'Recordings that have not ended, by state.',
    samples: RECORD_STATES.map((state) => ({
      labels: { state },
      value: found.filter((one) => one === state).length,
    })),
  };
}

const OUTCOMES: readonly CallbackOutcome[] = ['delivered', 'given-up', 'dropped'];

function callbackFamilies(callbacks: readonly CallbackFigures[]): readonly MetricFamily[] {
  return [
    {
      name: 'roomcast_callbacks_total',
      type: 'counter',
      help: 'Callbacks by how they ended: taken, given up after a minute, or too many to be kept.',
      samples: callbacks.flatMap(({ appId, ended }) =>
        OUTCOMES.map((outcome) => ({ labels: { app: String(appId), outcome }, value: ended[outcome] })),
      ),
    },
    {
      name: 'roomcast_callbacks_waiting',
      type: 'gauge',
      help: 'Callbacks that were not delivered yet.',
      samples: callbacks.map(({ appId, waiting }) => ({ labels: { app: String(appId) }, value: waiting })),
    },
  ];
}

/** What any gateway can tell of tasks, rooms and workers. */
export function sharedMetrics(facts: SharedFacts): readonly MetricFamily[] {
  const { tasks, statuses, rooms, workers, callbacks } = facts;
  const relays = tasks.filter((task) => task.kind === 'relay');
  const labelled = workers.map((of) => ({ labels: { worker: of.workerId }, of }));
  return [
    taskFamily(tasks),
    ...targetMetrics(relays, statuses),
    ...mixMetrics(tasks, statuses),
    recordFamily(tasks, statuses),
    ...familiesOf(APP_FIGURES, byApp(rooms)),
    ...familiesOf(WORKER_FIGURES, labelled),
    ...callbackFamilies(callbacks),
  ];
}
