import { readFileSync } from 'node:fs';

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Linux counts CPU time in 1/100 s and memory in pages of 4 kB on every machine we run on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
/** Places in /proc/<pid>/stat behind the command name. */
const UTIME = 11;
const STIME = 12;
const RSS = 21;

/** CPU and memory of one process; zeros when it is gone or the system has no /proc. */
export function processUsage(pid: number): Usage {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[UTIME]) + Number(fields[STIME]);
    return { cpuSeconds: ticks / TICKS_PER_SECOND, rssBytes: Number(fields[RSS]) * PAGE_BYTES };
  } catch {
    return { cpuSeconds: 0, rssBytes: 0 };
  }
}

/** Sums up a changing set of processes; what ended ones used stays counted as it was last seen. */
export function createUsageMeter(): (pids: readonly number[]) => Usage {
  let endedSeconds = 0;
  let last = new Map<number, number>();
  return (pids) => {
    const now = new Map(pids.map((pid) => [pid, processUsage(pid)]));
    for (const [pid, seconds] of last) if (!now.has(pid)) endedSeconds += seconds;
    last = new Map([...now].map(([pid, usage]) => [pid, Math.max(usage.cpuSeconds, last.get(pid) ?? 0)]));
    const usages = [...now.values()];
    return {
      cpuSeconds: endedSeconds + [...last.values()].reduce((sum, seconds) => sum + seconds, 0),
      rssBytes: usages.reduce((sum, usage) => sum + usage.rssBytes, 0),
    };
  };
}
