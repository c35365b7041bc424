import type { Neighbour } from './capacity.ts';

/** What a worker tells of itself, some seconds fresh. */
export interface WorkerFacts extends Neighbour {
  /** What it may use: of its machine, or of its container's limit. */
  readonly cores: number;
  /** H.264 and AAC encoders that work there; empty when FFmpeg does not run. */
  readonly encoders: readonly string[];
  readonly ffmpegVersion: string;
  /** Unix ms. */
  readonly at: number;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** What a worker wrote as JSON; null for anything that cannot be reckoned with. */
export function parseWorkerFacts(text: string): WorkerFacts | null {
  try {
    const facts = JSON.parse(text) as Record<keyof WorkerFacts, unknown> | null;
    if (facts === null || typeof facts !== 'object') return null;
    const texts = [facts.workerId, facts.machine, facts.ffmpegVersion];
    const amounts = [facts.cores, facts.spareCores, facts.promisedCores, facts.mixes, facts.at];
    const isWhole = texts.every((value) => typeof value === 'string') && amounts.every(isAmount);
    return isWhole && Array.isArray(facts.encoders) ? (facts as unknown as WorkerFacts) : null;
  } catch {
    return null; // no JSON
  }
}
