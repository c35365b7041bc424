import { describe, expect, it } from 'vitest';
import {
  type CostReading,
  type CostWatch,
  costKey,
  estimateCores,
  type MixShape,
  mayTake,
  noRoomMessage,
  outstandingCores,
  parseCostKey,
  parseMeasuredCost,
  roomAmong,
  shapeOf,
  watchCost,
  withSample,
} from '../../../src/domain/capacity.ts';
import { DEFAULT_PROGRAMME, DEFAULT_VIDEO, X264_PRESETS } from '../../../src/domain/programme.ts';

const NOTHING = new Map();
const FOUR_UP = shapeOf(DEFAULT_PROGRAMME, 4);

const measured = (shape: MixShape, cores: number) => new Map([[costKey(shape), { cores, at: 1 }]]);
const sized = (width: number, height: number, fps: number, inputs: number) => ({
  ...FOUR_UP,
  ...{ width, height, fps, inputs },
});

/** Shapes from small to large, in every property. */
const GROWING: readonly (readonly MixShape[])[] = [
  [0, 1, 2, 4, 9, 16, 25].map((inputs) => ({ ...FOUR_UP, inputs })),
  [5, 15, 24, 25, 30, 50, 60].map((fps) => ({ ...FOUR_UP, fps })),
  [sized(320, 180, 30, 2), sized(640, 360, 30, 2), sized(1280, 720, 30, 2), sized(1920, 1080, 30, 2)],
  X264_PRESETS.map((preset) => ({ ...FOUR_UP, preset })),
  [shapeOf({ ...DEFAULT_PROGRAMME, video: null }, 4), sized(16, 16, 5, 4)],
];

describe('the key of a shape', () => {
  it.each([
    [FOUR_UP, '1280x720@30 veryfast 4'],
    [
      shapeOf({ ...DEFAULT_PROGRAMME, video: { ...DEFAULT_VIDEO, fps: 60, preset: 'fast' } }, 16),
      '1280x720@60 fast 16',
    ],
    [shapeOf({ ...DEFAULT_PROGRAMME, video: null }, 2), '0x0@0 veryfast 2'],
  ])('of %j is %s and back', (shape, key) => {
    expect(costKey(shape)).toBe(key);
    expect(parseCostKey(key)).toEqual(shape);
  });

  it.each(['', 'x', '1280x720@30 slowest 4', '1280x720@30 veryfast', '1280x720@30 veryfast 4 5'])(
    'is not %j',
    (text) => {
      expect(parseCostKey(text)).toBeNull();
    },
  );
});

describe('a cost that was kept', () => {
  it('is read as it was written', () => {
    expect(parseMeasuredCost(JSON.stringify({ cores: 0.5, at: 7 }))).toEqual({ cores: 0.5, at: 7 });
  });

  it.each([
    '',
    'null',
    '{}',
    '[]',
    '"x"',
    '{"cores":null,"at":1}',
    '{"cores":0,"at":1}',
    '{"cores":-1,"at":1}',
    '{"cores":1e999,"at":1}',
    '{"cores":"1","at":1}',
    '{"cores":1}',
    '{"cores":1,"at":',
  ])('is nothing when it says %s', (text) => {
    expect(parseMeasuredCost(text)).toBeNull();
  });
});

describe('the cost of a mix', () => {
  it('is 0.8 of a core for four 720p30 inputs to 720p30 where nothing was measured', () => {
    expect(estimateCores(FOUR_UP, NOTHING)).toBeCloseTo(0.8);
  });

  it('is what was measured for this very shape', () => {
    expect(estimateCores(FOUR_UP, measured(FOUR_UP, 0.66))).toBe(0.66);
    const many = new Map([...measured(FOUR_UP, 0.66), ...measured({ ...FOUR_UP, inputs: 5 }, 9)]);
    expect(estimateCores(FOUR_UP, many)).toBe(0.66);
  });

  it('is scaled from the most similar shape that was measured', () => {
    const factor = 0.5;
    const near = { ...FOUR_UP, inputs: 3 };
    const far = { ...FOUR_UP, inputs: 16 };
    const many = new Map([...measured(far, 100), ...measured(near, estimateCores(near, NOTHING) * factor)]);
    expect(estimateCores(FOUR_UP, many)).toBeCloseTo(estimateCores(FOUR_UP, NOTHING) * factor);
  });

  it('of sound alone says nothing about pictures, nor the other way round', () => {
    const sound = shapeOf({ ...DEFAULT_PROGRAMME, video: null }, 4);
    expect(estimateCores(FOUR_UP, measured(sound, 7))).toBeCloseTo(0.8);
    expect(estimateCores(sound, measured(FOUR_UP, 7))).toBeLessThan(0.2);
  });

  it.each(GROWING)('grows with size, rate, preset and inputs, measured or not: row %#', (...shapes) => {
    for (const known of [NOTHING, measured(FOUR_UP, 0.4), measured(sized(320, 180, 15, 1), 0.2)]) {
      const cores = shapes.map((shape) => estimateCores(shape, known));
      expect(cores).toEqual([...cores].sort((a, b) => a - b));
      expect(cores.every((value) => value > 0 && Number.isFinite(value))).toBe(true);
    }
  });

  it('survives keys of another version', () => {
    expect(estimateCores(FOUR_UP, new Map([['1280x720@30 nvenc 4', { cores: 5, at: 1 }]]))).toBeCloseTo(0.8);
  });
});

describe('the moving average', () => {
  it('begins with the first sample and comes to a new level', () => {
    let cost = withSample(undefined, { cores: 0.8, starved: false }, 1);
    expect(cost).toEqual({ cores: 0.8, at: 1 });
    for (let at = 2; at < 20; at += 1) cost = withSample(cost, { cores: 0.4, starved: false }, at);
    expect(cost.cores).toBeCloseTo(0.4, 2);
    expect(cost.at).toBe(19);
  });

  it('is not drawn down by a mix that dropped frames, but up', () => {
    const before = { cores: 0.8, at: 1 };
    expect(withSample(before, { cores: 0.3, starved: true }, 2)).toBe(before);
    expect(withSample(before, { cores: 1, starved: true }, 2).cores).toBeGreaterThan(0.8);
  });
});

describe('watching a mix', () => {
  /** Half a core; one reading a second, changed as given. */
  function follow(seconds: number, change: (at: number) => Partial<CostReading> = () => ({})) {
    const samples: { at: number; cores: number; starved: boolean }[] = [];
    let watch: CostWatch | null = null;
    for (let at = 0; at <= seconds; at += 1) {
      const steady = { key: 'a', pid: 7, nowMs: at * 1_000, cpuSeconds: at / 2, framesDropped: 0 };
      const next = watchCost(watch, { ...steady, ...change(at) });
      watch = next.watch;
      if (next.sample) samples.push({ at, ...next.sample });
    }
    return samples;
  }

  it('gives nothing until it has settled for 10 s, then a sample every 5 s', () => {
    expect(follow(14)).toEqual([]);
    expect(follow(26)).toEqual([15, 20, 25].map((at) => ({ at, cores: 0.5, starved: false })));
  });

  it('settles anew after a change of shape, and for a new process whose time begins at 0', () => {
    const changed = follow(40, (at) => ({ key: at < 22 ? 'a' : 'b' }));
    expect(changed.map(({ at }) => at)).toEqual([15, 20, 37]);
    const restarted = follow(40, (at) => (at < 22 ? {} : { pid: 8, cpuSeconds: (at - 22) / 2 }));
    expect(restarted.map(({ at, cores }) => [at, cores])).toEqual([
      [15, 0.5],
      [20, 0.5],
      [37, 0.5],
    ]);
  });

  it('marks windows in which frames were dropped, and leaves out those without a figure', () => {
    const dropped = follow(26, (at) => ({ framesDropped: at < 18 ? 0 : 3 }));
    expect(dropped.map(({ starved }) => starved)).toEqual([false, true, false]);
    expect(follow(26, () => ({ cpuSeconds: 0 }))).toEqual([]);
  });
});

describe('room', () => {
  it.each([
    ['enough', 0.8, { spareCores: 0.8, mixes: 3 }, true],
    ['too little', 0.8, { spareCores: 0.79, mixes: 3 }, false],
    ['none, but no mix either', 0.8, { spareCores: 0, mixes: 0 }, true],
  ])('%s', (_name, need, room, taken) => {
    expect(mayTake(need, room)).toBe(taken);
  });

  it.each([
    ['promised just now', { cores: 0.8, atMs: 1_000, cpuSeconds: 0 }, 0.8],
    ['half of it shows in the load', { cores: 0.8, atMs: 1_000, cpuSeconds: 2 }, 0.4],
    ['all of it shows', { cores: 0.8, atMs: 1_000, cpuSeconds: 4 }, 0],
    ['more than thought', { cores: 0.8, atMs: 1_000, cpuSeconds: 9 }, 0],
    ['10 s ago', { cores: 0.8, atMs: -4_000, cpuSeconds: 0 }, 0],
  ])('set aside for a mix: %s', (_name, promise, cores) => {
    expect(outstandingCores([promise], 6_000)).toBeCloseTo(cores);
    expect(outstandingCores([promise, promise], 6_000)).toBeCloseTo(2 * cores);
  });

  it('of a worker is without what the others on its machine have set aside, not those elsewhere', () => {
    const worker = { workerId: 'a', machine: 'one', spareCores: 2, promisedCores: 0.5, mixes: 1 };
    const beside = { ...worker, workerId: 'b', promisedCores: 0.75 };
    const far = { ...worker, workerId: 'c', machine: 'two', promisedCores: 1 };
    expect(roomAmong(worker, [worker, beside, far])).toEqual({ ...worker, spareCores: 1.25 });
    expect(roomAmong(far, [worker, beside, far])).toEqual(far);
    expect(roomAmong(worker, [beside, { ...beside, workerId: 'd', promisedCores: 9 }]).spareCores).toBe(0);
  });

  it.each([
    [0.8, 0.3, 'it needs 0.8 of a core, the best has 0.3'],
    [0.72, 0.79, 'it needs 0.8 of a core, the best has 0.7'],
    [1, 0, 'it needs 1.0 cores, the best has 0.0'],
    [1.61, 1.6, 'it needs 1.7 cores, the best has 1.6'],
    [0.4, -1, 'it needs 0.4 of a core, the best has 0.0'],
  ])('for %s with %s is said so', (need, best, said) => {
    expect(noRoomMessage(need, best)).toBe(`no worker has room for this mix: ${said}`);
  });
});
