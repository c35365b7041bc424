import { readdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { JobRef } from '../src/domain/job.ts';
import {
  type JournalFacts,
  readJournalFacts,
  recordingDir,
  recordingsDir,
} from '../src/media/recording/journal-facts.ts';
import type { JobFacts } from './job-context.ts';

/** Journals of this machine, whole or not, whose files are still to be made. */
async function findUnfinished(dataDir: string): Promise<readonly JournalFacts[]> {
  const root = recordingsDir(dataDir);
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = await Promise.all(names.map((taskId) => readJournalFacts(recordingDir(dataDir, taskId))));
  return found.filter((facts) => facts !== null);
}

export interface UnfinishedDeps {
  readonly dataDir: string;
  readonly facts: Pick<JobFacts, 'getTask' | 'requestJob'>;
  /** Whether this process runs that job now. */
  readonly isRunning: (job: JobRef) => boolean;
  readonly pace: AskPace;
}

/** A recording's own run closes its journal within this time of its task's end. */
const CLOSING_MS = 10_000;

/** `closing`: its task is over, and whoever wrote it may not have ended it yet. */
type JournalUse = 'none' | 'written' | 'closing';

async function useOf(deps: UnfinishedDeps, { taskId, ended }: JournalFacts): Promise<JournalUse> {
  if (deps.isRunning({ kind: 'record', id: taskId })) return 'written';
  const task = ended ? null : await deps.facts.getTask(taskId);
  if (task === null) return 'none';
  if (task.endedAt === null) return 'written';
  return Date.now() - task.endedAt < CLOSING_MS ? 'closing' : 'none';
}

export interface Look {
  /** Tasks whose files were asked for. */
  readonly asked: readonly string[];
  /** A journal is about to be closed: worth another look soon. */
  readonly isClosing: boolean;
}

/** Asks for the files of every recording here that is over and has none. */
export async function requestUnfinished(deps: UnfinishedDeps): Promise<Look> {
  const asked: string[] = [];
  let isClosing = false;
  for (const journal of await findUnfinished(deps.dataDir)) {
    const { taskId } = journal;
    const job: JobRef = { kind: 'finalise', id: taskId };
    if (deps.isRunning(job)) continue;
    const use = await useOf(deps, journal);
    isClosing ||= use === 'closing';
    if (use !== 'none') continue;
    if (!deps.pace.take(taskId, performance.now())) continue;
    await deps.facts.requestJob(job);
    asked.push(taskId);
  }
  return { asked, isClosing };
}

const LOOK_EVERY_MS = 60_000;
const MAX_PAUSE_MS = 3_600_000;

/** A recording whose files cannot be made is read as a whole by each try: asked for at twice the pause each time. */
export class AskPace {
  readonly #asked = new Map<string, { readonly dueMs: number; readonly pauseMs: number }>();

  /** True when it is time to ask, which then counts as asked; monotonic ms. */
  take(taskId: string, nowMs: number): boolean {
    const last = this.#asked.get(taskId);
    if (last && nowMs < last.dueMs) return false;
    const pauseMs = Math.min(last ? last.pauseMs * 2 : LOOK_EVERY_MS / 2, MAX_PAUSE_MS);
    this.#asked.set(taskId, { dueMs: nowMs + pauseMs, pauseMs });
    return true;
  }
}

export interface UnfinishedWatch {
  readonly firstLook: Promise<void>;
  stop(): void;
}

/** Looks for unfinished recordings at once and every minute: this machine has the only copy, Redis may forget. */
export function watchUnfinished(
  deps: Omit<UnfinishedDeps, 'pace'> & { readonly log: Logger },
): UnfinishedWatch {
  const pace = new AskPace();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  async function look(): Promise<void> {
    let pauseMs = LOOK_EVERY_MS;
    try {
      const { isClosing } = await requestUnfinished({ ...deps, pace });
      if (isClosing) pauseMs = CLOSING_MS;
    } catch (error) {
      // Without Redis there is nobody to ask: the next look comes.
      if (!stopped) deps.log.warn({ err: error }, 'unfinished recordings could not be looked for');
    }
    if (!stopped) timer = setTimeout(() => void look(), pauseMs);
  }
  return {
    firstLook: look(),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
