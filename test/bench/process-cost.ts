import { readFile } from 'node:fs/promises';

/** CPU seconds a process has used (user and system), and the most memory it has held, as the kernel counts them. */
export interface ProcessCost {
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

/** Linux counts CPU time for users in hundredths of a second on every architecture. */
const TICKS_PER_SECOND = 100;

async function readProcessCost(pid: number): Promise<ProcessCost> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The command's name stands in brackets and may hold spaces: count the fields behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const peakKb = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakMb: peakKb / 1024 };
}

/** The cost of several processes together. */
export async function readCost(pids: readonly number[]): Promise<ProcessCost> {
  const costs = await Promise.all(pids.map(readProcessCost));
  return {
    cpuSeconds: costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0),
    peakMb: costs.reduce((sum, cost) => sum + cost.peakMb, 0),
  };
}
