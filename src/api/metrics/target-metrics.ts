import { type StoredJobStatus, TARGET_STATES, type TargetState } from '../../domain/job.ts';
import type { RelayTask } from '../../domain/task.ts';
import { relayView, type TargetView } from '../../domain/task-view.ts';
import { statusOf } from '../operator/status-of.ts';
import { type Figure, familiesOf, type Labelled, type MetricFamily } from './exposition.ts';

const HOST = /^[a-z]+:\/\/(?:[^/]*@)?(\[[^\]]*\]|[^/:?#]*)/i;

/** The host of a shown URL; empty when it shows none. */
function hostOf(shownUrl: string): string {
  return HOST.exec(shownUrl)?.[1] ?? '';
}

const FIGURES: readonly Figure<TargetView>[] = [
  {
    name: 'roomcast_target_sent_bytes_total',
    type: 'counter',
    help: 'Bytes the destination is known to have taken.',
    value: ({ bytes }) => bytes,
  },
  {
    name: 'roomcast_target_sent_bytes_per_second',
    type: 'gauge',
    help: 'Bytes the destination took per second, over the last 5 s.',
    value: ({ kbps }) => kbps * 125,
  },
  {
    name: 'roomcast_target_lag_seconds',
    type: 'gauge',
    help: 'Media that was sent to the destination and is not known to be taken.',
    value: ({ lagMs }) => lagMs / 1000,
  },
  {
    name: 'roomcast_target_dropped_frames_total',
    type: 'counter',
    help: 'Frames that were left out because the destination was too slow.',
    value: ({ droppedFrames }) => droppedFrames,
  },
  {
    name: 'roomcast_target_reconnects_total',
    type: 'counter',
    help: 'Sessions after the first one.',
    value: ({ reconnects }) => reconnects,
  },
  {
    name: 'roomcast_target_on_air_seconds_total',
    type: 'counter',
    help: 'Time with a session, all sessions together.',
    value: ({ onAirMs }) => onAirMs / 1000,
  },
  {
    name: 'roomcast_target_attempt',
    type: 'gauge',
    help: 'Connection attempts since the target was last live.',
    value: ({ attempt }) => attempt,
  },
  {
    name: 'roomcast_target_warnings',
    type: 'gauge',
    help: 'Known limits of the platform that the stream breaks.',
    value: ({ warnings }) => warnings.length,
  },
];

function targetsOf(
  task: RelayTask,
  statuses: ReadonlyMap<string, StoredJobStatus>,
): readonly Labelled<TargetView>[] {
  const push = statusOf(statuses, 'push', task.taskId);
  const { targets } = relayView(task, { mix: null, push, hasPublisher: false });
  const platforms = new Map(task.targets.map(({ id, platform }) => [id, platform ?? 'custom']));
  return targets.map((of) => ({
    of,
    labels: {
      app: String(task.appId),
      task: task.taskId,
      target: of.id,
      host: hostOf(of.url),
      platform: platforms.get(of.id) ?? 'custom',
    },
  }));
}

/** One sample a target and state: 1 for the one it is in. */
function stateFamily(targets: readonly Labelled<TargetView>[]): MetricFamily {
  const sample = ({ labels, of }: Labelled<TargetView>, state: TargetState) => ({
    labels: { ...labels, state },
    value: of.state === state ? 1 : 0,
  });
  return {
    name: 'roomcast_target_state',
    type: 'gauge',
    help: 'State of a push destination: 1 for the one it is in.',
    samples: targets.flatMap((target) => TARGET_STATES.map((state) => sample(target, state))),
  };
}

/** What is told of the targets of these relays. */
export function targetMetrics(
  relays: readonly RelayTask[],
  statuses: ReadonlyMap<string, StoredJobStatus>,
): readonly MetricFamily[] {
  const targets = relays.flatMap((task) => targetsOf(task, statuses));
  return [stateFamily(targets), ...familiesOf(FIGURES, targets)];
}
