import type { InputState, MixStatus, StoredJobStatus } from '../../domain/job.ts';
import type { Task } from '../../domain/task.ts';
import { statusOf } from '../operator/status-of.ts';
import { type Figure, familiesOf, type Labelled, type MetricFamily } from './exposition.ts';

const INPUT_STATES: readonly InputState[] = ['connecting', 'live', 'stalled', 'placeholder'];

const FIGURES: readonly Figure<MixStatus>[] = [
  {
    name: 'roomcast_mix_frames_total',
    type: 'counter',
    help: 'Pictures given to the encoder.',
    value: ({ framesOut }) => framesOut,
  },
  {
    name: 'roomcast_mix_dropped_frames_total',
    type: 'counter',
    help: 'Pictures left out because encoder or machine could not keep up.',
    value: ({ framesDropped }) => framesDropped,
  },
  {
    name: 'roomcast_mix_late_ticks_total',
    type: 'counter',
    help: "Ticks of the mix's clock that came when the next one was due already.",
    value: ({ lateTicks }) => lateTicks,
  },
  {
    name: 'roomcast_mix_overloaded',
    type: 'gauge',
    help: '1 while pictures are left out because the machine cannot keep up.',
    value: ({ overloaded }) => (overloaded === null ? 0 : 1),
  },
  {
    name: 'roomcast_mix_encoder_starts_total',
    type: 'counter',
    help: 'Starts of the encoder, the first one with them.',
    value: ({ encoderStarts }) => encoderStarts,
  },
  {
    name: 'roomcast_mix_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of the mix with its decoders and its encoder.',
    value: ({ cpuSeconds }) => cpuSeconds,
  },
  {
    name: 'roomcast_mix_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the mix with its decoders and its encoder.',
    value: ({ rssBytes }) => rssBytes,
  },
];

/** The mixes that running tasks read, by their own tasks; several tasks may share one. */
function mixesOf(
  tasks: readonly Task[],
  statuses: ReadonlyMap<string, StoredJobStatus>,
): readonly Labelled<MixStatus>[] {
  const appIds = new Map(
    tasks.flatMap(({ appId, source }) => (source.type === 'mix' ? [[source.mixTaskId, appId] as const] : [])),
  );
  return [...appIds].flatMap(([task, appId]) => {
    const of = statusOf(statuses, 'mix', task);
    return of === null ? [] : [{ labels: { app: String(appId), task }, of }];
  });
}

function inputFamily(mixes: readonly Labelled<MixStatus>[]): MetricFamily {
  return {
    name: 'roomcast_mix_inputs',
    type: 'gauge',
    help: 'Streams that are mixed, by state.',
    samples: mixes.flatMap(({ labels, of }) =>
      INPUT_STATES.map((state) => ({
        labels: { ...labels, state },
        value: of.inputs.filter((input) => input.state === state).length,
      })),
    ),
  };
}

/** What is told of the mixes of these tasks. */
export function mixMetrics(
  tasks: readonly Task[],
  statuses: ReadonlyMap<string, StoredJobStatus>,
): readonly MetricFamily[] {
  const mixes = mixesOf(tasks, statuses);
  return [...familiesOf(FIGURES, mixes), inputFamily(mixes)];
}
