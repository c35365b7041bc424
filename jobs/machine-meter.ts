import { LOAD_WINDOW_MS } from '../src/domain/capacity.ts';
import type { CpuUsed, MachineCpu } from './machine-cpu.ts';

/** What a worker may use of its machine and what of that is free. */
export interface MachineMeter {
  /** The same for all workers of this machine. */
  readonly machine: string;
  readonly cores: number;
  /** Cores nobody used over the last 5 s, roomcast or not. */
  spareCores(): number;
  stop(): void;
}

const EVERY_MS = 1_000;

interface Reading extends CpuUsed {
  readonly atMs: number;
}

/** Cores used between two readings; 0 while there is only one. */
function busyCores(from: number | null, to: number | null, ms: number): number {
  if (from === null || to === null || ms <= 0) return 0;
  return Math.max(0, ((to - from) * 1_000) / ms);
}

/** Reads the machine's load each second until stopped; resolves after the first reading. */
export async function startMachineMeter(cpu: MachineCpu): Promise<MachineMeter> {
  const { machine, cores, groupCores, read } = cpu;
  const readings: Reading[] = [];

  async function look(): Promise<void> {
    readings.push({ ...(await read()), atMs: performance.now() });
    const newest = readings.at(-1)?.atMs ?? 0;
    // The oldest one kept is the youngest that spans the whole window.
    while (newest - (readings[1]?.atMs ?? newest) >= LOAD_WINDOW_MS) readings.shift();
  }

  await look();
  const timer = setInterval(() => void look(), EVERY_MS);
  return {
    machine,
    cores: Math.min(cores, groupCores ?? cores),
    spareCores() {
      const [from, to] = [readings[0], readings.at(-1)];
      if (from === undefined || to === undefined) return 0;
      const ms = to.atMs - from.atMs;
      const ofMachine = cores - busyCores(from.machine, to.machine, ms);
      if (groupCores === null) return Math.max(0, ofMachine);
      const ofGroup = groupCores - busyCores(from.group, to.group, ms);
      return Math.max(0, Math.min(ofMachine, ofGroup));
    },
    stop: () => clearInterval(timer),
  };
}
