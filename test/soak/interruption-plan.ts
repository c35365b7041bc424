import type { LayoutSpec } from '../../src/domain/layout/spec.ts';
import { seededRandom } from '../support/random.ts';

export interface Interruption {
  readonly atMs: number;
  readonly kind: 'join' | 'leave' | 'stall' | 'layout';
  /** Who joins, leaves or stalls; '' for a change of the layout. */
  readonly user: string;
  /** How long a stall takes; shorter than the hold of the last picture. */
  readonly stallMs: number;
  /** In the room from now on, in order of entry. */
  readonly users: readonly string[];
  readonly layout: LayoutSpec;
}

export interface PlanOptions {
  readonly seed: number;
  readonly count: number;
  readonly lengthMs: number;
  /** Always in the room, and its first. */
  readonly host: string;
  readonly guests: readonly string[];
}

const STALL_MS = [500, 2500] as const;
const LEAST_PAUSE_MS = 300;
const CELLS = [
  { x: 40, y: 40, width: 400, height: 240 },
  { x: 240, y: 120, width: 360, height: 200 },
  { x: 0, y: 0, width: 120, height: 120, zOrder: 2 },
  { x: 460, y: 20, width: 160, height: 90 },
];

type Random = () => number;

function pick<T>(random: Random, of: readonly T[]): T {
  const one = of[Math.floor(random() * of.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

function randomLayout(random: Random, users: readonly string[]): LayoutSpec {
  const main = { userId: pick(random, users) };
  switch (pick(random, ['grid', 'floating', 'share', 'custom'] as const)) {
    case 'grid':
      return { mode: 'grid' };
    case 'floating':
      return { mode: 'floating', main };
    case 'share':
      return { mode: 'share', main, mainSide: pick(random, ['left', 'right']), renderMode: 'crop' };
    case 'custom':
      return { mode: 'custom', cells: CELLS };
  }
}

/** Times in order, with a pause between any two. */
function randomTimes(random: Random, count: number, lengthMs: number): number[] {
  const spare = lengthMs - count * LEAST_PAUSE_MS;
  return Array.from({ length: count }, () => random() * spare)
    .sort((a, b) => a - b)
    .map((at, index) => Math.round(at + index * LEAST_PAUSE_MS));
}

function next(
  random: Random,
  { host, guests }: PlanOptions,
  before: Interruption,
  atMs: number,
): Interruption {
  const inside = guests.filter((guest) => before.users.includes(guest));
  const outside = guests.filter((guest) => !inside.includes(guest));
  const possible = [
    'layout' as const,
    ...(outside.length > 0 ? (['join'] as const) : []),
    ...(inside.length > 0 ? (['leave', 'stall'] as const) : []),
  ];
  const kind = pick(random, possible);
  const { users, layout } = before;
  if (kind === 'layout')
    return { atMs, kind, user: '', stallMs: 0, users, layout: randomLayout(random, users) };
  const user = pick(random, kind === 'join' ? outside : inside);
  const stallMs = STALL_MS[0] + Math.round(random() * (STALL_MS[1] - STALL_MS[0]));
  const now = { join: [...users, user], leave: users.filter((one) => one !== user), stall: users }[kind];
  return { atMs, kind, user, stallMs, users: now.includes(host) ? now : [host, ...now], layout };
}

/** Joins, leaves, stalls and changes of the layout at random times, the same for the same seed. */
export function planInterruptions(options: PlanOptions): Interruption[] {
  const random = seededRandom(options.seed);
  const times = randomTimes(random, options.count, options.lengthMs);
  const nobody = { kind: 'layout', user: '', stallMs: 0, layout: { mode: 'grid' } } as const;
  let last: Interruption = { ...nobody, atMs: 0, users: [options.host] };
  return times.map((atMs) => {
    last = next(random, options, last, atMs);
    return last;
  });
}
