import { readFileSync } from 'node:fs';
import { descendants } from './process-tree.ts';

/** ms for which the main thread of a process was ready to run and had no CPU; 0 where the kernel does not count it. */
function waitedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1] ?? 0) / 1e6;
  } catch {
    return 0;
  }
}

/**
 * Begins to count for how long `root` and the processes below it stand ready to run without a CPU. What it returns gives
 * the ms so far, of those that live then: no more than a busy machine can have added to what they do one after another.
 */
export function countCpuWait(root = process.pid): () => number {
  const pids = () => [root, ...descendants(root).map(({ pid }) => pid)];
  const before = new Map(pids().map((pid) => [pid, waitedMs(pid)]));
  return () => pids().reduce((sum, pid) => sum + waitedMs(pid) - (before.get(pid) ?? 0), 0);
}
