import { readdir, readFile } from 'node:fs/promises';

/** CPU seconds a process has used (user and system), and the most memory it has held, as the kernel counts them. */
export interface ProcessCost {
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

/** Linux counts CPU time for users in hundredths of a second on every architecture. */
const TICKS_PER_SECOND = 100;
/** Places in /proc/<pid>/stat behind the command name. */
const OWN_TIMES = [11, 12] as const;
const ENDED_CHILDREN_TIMES = [13, 14] as const;

async function readProcessCost(pid: number, places: readonly number[]): Promise<ProcessCost> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The command's name stands in brackets and may hold spaces: count the fields behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = places.reduce((sum, place) => sum + Number(fields[place]), 0);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const peakKb = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakMb: peakKb / 1024 };
}

function sumOf(costs: readonly ProcessCost[]): ProcessCost {
  return {
    cpuSeconds: costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0),
    peakMb: costs.reduce((sum, cost) => sum + cost.peakMb, 0),
  };
}

/** The cost of a process and its children, those that have ended included. */
export async function readTreeCost(pid: number): Promise<ProcessCost> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1');
  const children = text.trim().split(' ').filter(Boolean).map(Number);
  const nothing: ProcessCost = { cpuSeconds: 0, peakMb: 0 };
  const living = children.map((child) => readProcessCost(child, OWN_TIMES).catch(() => nothing)); // just ended
  return sumOf([
    await readProcessCost(pid, [...OWN_TIMES, ...ENDED_CHILDREN_TIMES]),
    ...(await Promise.all(living)),
  ]);
}

/** Seconds of CPU that the threads of a process have had, user and system, to the microsecond. */
export async function readRunSeconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const texts = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/schedstat`, 'utf8').catch(() => '0')), // just ended
  );
  return texts.reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e9, 0);
}

/** Memory a process holds now, in MB. */
export async function readRssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
