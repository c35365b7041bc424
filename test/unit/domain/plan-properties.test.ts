import { expect, test } from 'vitest';
import { type JobRef, jobKey } from '../../../src/domain/job.ts';
import { HLS_LINGER_MS, type PlanInput, plan } from '../../../src/domain/plan.ts';
import type { Task } from '../../../src/domain/task.ts';
import {
  copies,
  ENDED,
  facts,
  keys,
  NOW,
  record,
  relay,
  room,
  SINGLE,
  TARGET,
  user,
} from '../../support/plan-facts.ts';
import { seededRandom } from '../../support/random.ts';

const SEEDS = Array.from({ length: 500 }, (_unused, index) => index + 1);

/** Facts after the plan was carried out at once. */
function applied(input: PlanInput): PlanInput {
  const { start, stop, endTasks, memory } = plan(input);
  const stopped = new Set(keys(stop));
  const ended = new Set(endTasks.map((end) => end.taskId));
  return {
    ...input,
    memory,
    tasks: input.tasks.map((task) => (ended.has(task.taskId) ? { ...task, ...ENDED } : task)),
    queued: [...input.queued.filter((job) => !stopped.has(jobKey(job))), ...start],
    leased: input.leased.filter((job) => !stopped.has(jobKey(job))),
  };
}

test('planning twice changes nothing, over random facts', () => {
  for (const seed of SEEDS) {
    const after = plan(applied(randomFacts(seed)));
    expect([after.start, after.stop, after.endTasks], `seed ${seed}`).toEqual([[], [], []]);
  }
});

test('stopping one task touches no job another task needs, over random facts', () => {
  for (const seed of SEEDS) {
    const settled = applied(randomFacts(seed));
    for (const victim of settled.tasks.filter((task) => task.endedAt === null)) {
      const others = settled.tasks.filter((task) => task !== victim);
      const needed = keys(plan({ ...settled, tasks: others, queued: [] }).start);
      const { start, stop, endTasks } = plan({ ...settled, tasks: [...others, { ...victim, ...ENDED }] });
      expect([start, endTasks], `seed ${seed}`).toEqual([[], []]);
      expect(
        keys(stop).filter((key) => needed.includes(key)),
        `seed ${seed}`,
      ).toEqual([]);
      expect(
        stop.filter((job) => !isOf(job, victim)),
        `seed ${seed}`,
      ).toEqual([]);
    }
  }
});

test('nothing is both started and stopped, or named twice, over random facts', () => {
  for (const seed of SEEDS) {
    const { start, stop } = plan(randomFacts(seed));
    const all = [...keys(start), ...keys(stop)];
    expect(new Set(all).size, `seed ${seed}`).toBe(all.length);
  }
});

/** The task's own job, or the mix it copies. */
function isOf(job: JobRef, { taskId, source }: Task): boolean {
  return job.id === taskId || (job.kind === 'mix' && source.type === 'mix' && source.mixTaskId === job.id);
}

const IDS = ['a', 'b', 'c', 'd', 'e'] as const;

function randomTask(taskId: string, random: () => number): Task {
  const chance = (odds: number) => random() < odds;
  const mixTaskId = chance(0.5) ? taskId : (IDS[Math.floor(random() * IDS.length)] ?? 'a');
  const source = chance(0.3) ? SINGLE : copies(mixTaskId);
  const common = { ...source, ...(chance(0.2) ? ENDED : {}), maxIdleSeconds: chance(0.3) ? 5 : 60 };
  if (chance(0.5)) return relay(taskId, { ...common, targets: chance(0.8) ? [TARGET] : [] });
  const startAt = chance(0.5) ? null : NOW + Math.round((random() - 0.5) * 4_000);
  return record(taskId, {
    ...common,
    startAt,
    durationMs: chance(0.5) ? null : Math.round(random() * 3_000),
  });
}

function randomJobs(random: () => number): JobRef[] {
  const kinds = ['mix', 'push', 'record', 'finalise'] as const;
  return IDS.flatMap((id) => kinds.map((kind) => ({ kind, id }))).filter(() => random() < 0.3);
}

function randomFacts(seed: number): PlanInput {
  const random = seededRandom(seed);
  const chance = (odds: number) => random() < odds;
  const tasks = IDS.slice(0, Math.ceil(random() * IDS.length)).map((id) => randomTask(id, random));
  return facts({
    tasks,
    rooms: chance(0.5) ? [room([user(chance(0.5) ? 'alice' : 'bob')])] : [],
    hlsWanted: new Map(chance(0.5) ? [['s', NOW - Math.round(random() * 2 * HLS_LINGER_MS)]] : []),
    requestedJobs: chance(0.3) ? [{ kind: 'finalise', id: 'a' }] : [],
    queued: randomJobs(random),
    leased: randomJobs(random),
    memory: {
      idleSince: new Map(IDS.filter(() => chance(0.4)).map((id) => [id, 50_000 - random() * 20_000])),
    },
    addsOnly: chance(0.2),
  });
}
