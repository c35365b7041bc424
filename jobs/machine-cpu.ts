import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, hostname } from 'node:os';
import path from 'node:path';

/** CPU time used so far, in seconds: of the CPUs this process may run on, and of its control group if that has a limit. */
export interface CpuUsed {
  readonly machine: number;
  readonly group: number | null;
}

/** What this process may use, and how what is used of it is read. */
export interface MachineCpu {
  /** The same for every process of this machine, in containers too. */
  readonly machine: string;
  readonly cores: number;
  /** Cores of the control group's limit; null without one. */
  readonly groupCores: number | null;
  read(): Promise<CpuUsed>;
}

/** Linux counts CPU time in 1/100 s on every machine we run on. */
const TICKS_PER_SECOND = 100;
const CGROUP = '/sys/fs/cgroup';

/** `0-3,8` */
export function parseCpuList(text: string): Set<number> {
  const ids = text.split(',').flatMap((part) => {
    const [first = '', last = first] = part.trim().split('-');
    if (first === '') return [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_none, index) => Number(first) + index);
  });
  return new Set(ids);
}

/** Seconds that these CPUs were busy, from /proc/stat; what a hypervisor took from them counts as busy. */
export function parseBusySeconds(stat: string, allowed: ReadonlySet<number>): number {
  let ticks = 0;
  for (const [, id, numbers = ''] of stat.matchAll(/^cpu(\d+) (.*)$/gm)) {
    if (!allowed.has(Number(id))) continue;
    // guest times behind these are part of user time already
    const [user = 0, nice = 0, system = 0, _idle, _iowait, irq = 0, softirq = 0, steal = 0] = numbers
      .trim()
      .split(/\s+/)
      .map(Number);
    ticks += user + nice + system + irq + softirq + steal;
  }
  return ticks / TICKS_PER_SECOND;
}

/** Cores of a v2 `cpu.max` (`200000 100000`); null for `max` or another text. */
export function parseCpuMax(text: string): number | null {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return quota && period && quota > 0 ? quota / period : null;
}

/** This process's folder below the mount of v2 (''), or of a controller of v1 (`cpu`); null when it has none. */
export function parseCgroup(text: string, controller: string): string | null {
  for (const line of text.split('\n')) {
    const [, controllers = '', folder] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (folder !== undefined && controllers.split(',').includes(controller)) return folder;
  }
  return null;
}

async function readText(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null); // not there: another system, another version
}

interface GroupLimit {
  readonly cores: number;
  /** Seconds used by the group that has the limit. */
  used(): Promise<number | null>;
}

async function limitV2(folder: string): Promise<GroupLimit | null> {
  const cores = parseCpuMax((await readText(path.join(folder, 'cpu.max'))) ?? '');
  if (cores === null) return null;
  const used = async () => {
    const micros = /^usage_usec (\d+)$/m.exec((await readText(path.join(folder, 'cpu.stat'))) ?? '')?.[1];
    return micros === undefined ? null : Number(micros) / 1e6;
  };
  return { cores, used };
}

async function limitV1(folder: string): Promise<GroupLimit | null> {
  const [quota, period] = await Promise.all(
    ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => readText(path.join(CGROUP, 'cpu', folder, name))),
  );
  const cores = parseCpuMax(`${quota?.trim()} ${period?.trim()}`);
  if (cores === null) return null;
  const used = async () => {
    const nanos = await readText(path.join(CGROUP, 'cpuacct', folder, 'cpuacct.usage'));
    return nanos === null ? null : Number(nanos) / 1e9;
  };
  return { cores, used };
}

/** A folder and all above it: any of them may have the limit. In a container the path may be the host's. */
function upwards(folder: string): string[] {
  const parts = folder.split('/').filter((part) => part !== '');
  return [...parts.map((_part, index) => `/${parts.slice(0, parts.length - index).join('/')}`), '/'];
}

async function tightestLimit(): Promise<GroupLimit | null> {
  const own = (await readText('/proc/self/cgroup')) ?? '';
  const [v2, v1] = [parseCgroup(own, ''), parseCgroup(own, 'cpu')];
  const limits = await Promise.all([
    ...(v2 === null ? [] : upwards(v2).map((folder) => limitV2(path.join(CGROUP, folder)))),
    ...(v1 === null ? [] : upwards(v1).map(limitV1)),
  ]);
  const [tightest = null] = limits.filter((limit) => limit !== null).sort((a, b) => a.cores - b.cores);
  return tightest;
}

/** Where there is no /proc. */
function busyOfSystem(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1_000;
}

/** Finds out what this process may use. Never throws: without control groups or /proc it sees the whole machine. */
export async function openMachineCpu(): Promise<MachineCpu> {
  const limit = await tightestLimit();
  const status = (await readText('/proc/self/status')) ?? '';
  const allowed = parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '');
  const bootId = await readText('/proc/sys/kernel/random/boot_id');
  return {
    machine: bootId?.trim() ?? hostname(),
    cores: availableParallelism(),
    groupCores: limit?.cores ?? null,
    async read() {
      const [stat, group] = await Promise.all([readText('/proc/stat'), limit?.used() ?? null]);
      return { machine: stat === null ? busyOfSystem() : parseBusySeconds(stat, allowed), group };
    },
  };
}
