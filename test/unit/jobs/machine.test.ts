import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type CpuUsed,
  openMachineCpu,
  parseBusySeconds,
  parseCgroup,
  parseCpuList,
  parseCpuMax,
} from '../../../jobs/machine-cpu.ts';
import { startMachineMeter } from '../../../jobs/machine-meter.ts';

describe('what the system says', () => {
  it.each([
    ['0-3', [0, 1, 2, 3]],
    ['5', [5]],
    ['0-1,4,6-7', [0, 1, 4, 6, 7]],
    ['', []],
  ])('CPUs %s', (text, ids) => {
    expect([...parseCpuList(text)]).toEqual(ids);
  });

  it.each([
    ['200000 100000', 2],
    ['50000 100000\n', 0.5],
    ['max 100000', null],
    ['-1 100000', null],
    ['', null],
    ['undefined undefined', null],
  ])('a limit of %j is %s cores', (text, cores) => {
    expect(parseCpuMax(text)).toBe(cores);
  });

  it.each([
    ['0::/user.slice/x.service\n', '', '/user.slice/x.service'],
    ['4:cpu,cpuacct:/docker/abc\n0::/\n', 'cpu', '/docker/abc'],
    ['4:memory:/x\n1:name=systemd:/\n', 'cpu', null],
  ])('the group in %j', (text, controller, folder) => {
    expect(parseCgroup(text, controller)).toBe(folder);
  });

  it('busy time of the CPUs that may be used: all but idle and waiting for disks, guests not twice', () => {
    const stat = [
      'cpu  999 999 999 999 999 999 999 999 999 999',
      'cpu0 100 20 30 4000 500 6 7 80 50 0',
      'cpu1 200 0 0 9000 0 0 0 0 0 0',
      'cpu10 1000 0 0 0 0 0 0 0 0 0',
      'intr 1 2 3',
    ].join('\n');
    expect(parseBusySeconds(stat, new Set([0]))).toBeCloseTo(2.43);
    expect(parseBusySeconds(stat, new Set([0, 1]))).toBeCloseTo(4.43);
  });
});

describe('the meter', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A machine whose use of cores over time is given; `seconds` of it are lived through. */
  async function live(
    seconds: number,
    machine: {
      cores: number;
      groupCores: number | null;
      use: (at: number) => { machine: number; group?: number };
    },
  ) {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const used = { machine: 1_000, group: 50 };
    let at = 0;
    const read = async (): Promise<CpuUsed> => ({
      machine: used.machine,
      group: machine.groupCores === null ? null : used.group,
    });
    const meter = await startMachineMeter({ ...machine, machine: 'm', read });
    for (; at < seconds; at += 1) {
      const { machine: busy, group = 0 } = machine.use(at);
      used.machine += busy;
      used.group += group;
      await vi.advanceTimersByTimeAsync(1_000);
    }
    meter.stop();
    return { cores: meter.cores, spare: meter.spareCores() };
  }

  it('has everything to spare before it has seen a second, then what was not used', async () => {
    const use = () => ({ machine: 1.5 });
    expect(await live(0, { cores: 4, groupCores: null, use })).toEqual({ cores: 4, spare: 4 });
    expect((await live(3, { cores: 4, groupCores: null, use })).spare).toBeCloseTo(2.5);
    expect((await live(20, { cores: 4, groupCores: null, use })).spare).toBeCloseTo(2.5);
  });

  it('looks at the last 5 s', async () => {
    const until = (end: number) => (at: number) => ({ machine: at < end ? 4 : 0 });
    expect((await live(20, { cores: 4, groupCores: null, use: until(20) })).spare).toBe(0);
    expect((await live(20, { cores: 4, groupCores: null, use: until(18) })).spare).toBeCloseTo(1.6);
    expect((await live(20, { cores: 4, groupCores: null, use: until(15) })).spare).toBeCloseTo(4);
  });

  it('has no more than the limit of its group leaves, nor than its machine does', async () => {
    const limited = { cores: 8, groupCores: 2 };
    const quiet = await live(10, { ...limited, use: () => ({ machine: 1, group: 0.5 }) });
    expect(quiet.cores).toBe(2);
    expect(quiet.spare).toBeCloseTo(1.5);
    const crowded = await live(10, { ...limited, use: () => ({ machine: 7.5, group: 0.5 }) });
    expect(crowded.spare).toBeCloseTo(0.5);
  });

  it('reads this machine', async () => {
    const cpu = await openMachineCpu();
    expect(cpu.cores).toBe(availableParallelism());
    const before = await cpu.read();
    for (const end = Date.now() + 300; Date.now() < end; );
    const after = await cpu.read();
    const busy = after.machine - before.machine;
    expect(busy).toBeGreaterThan(0.1);
    expect(busy).toBeLessThan(30);
  });
});
