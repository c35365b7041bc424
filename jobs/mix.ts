import { setTimeout as delay } from 'node:timers/promises';
import type { JobOutcome, MixStatus } from '../src/domain/job.ts';
import { assertSoundEncodable, type Encoders } from '../src/media/ffmpeg/capabilities.ts';
import { launchProgramme, type ProgrammeChild } from '../src/media/programme/launcher.ts';
import type { Sources } from '../src/media/programme/protocol.ts';
import type { JobContext, JobHandler } from './job-context.ts';
import { createSourceFinder, followSources, isMix, type MixTask } from './mix-sources.ts';

export interface MixJobDeps {
  /** The built src/media/programme/main.js. */
  readonly programmeEntry: string;
  /** CIDRs that pictures may come from though they are not public. */
  readonly pictureNetworks: readonly string[];
  /** What this worker encodes with. */
  readonly encoders: () => Promise<Encoders>;
}

const FIRST_RESTART_MS = 200;
const MAX_RESTART_MS = 2000;
/** A child that lived this long was a good one. */
const GOOD_MS = 10_000;

function outcomeOfAbort(signal: AbortSignal): JobOutcome {
  return { result: signal.reason === 'fenced' ? 'fenced' : 'stopped' };
}

interface Run {
  child: ProgrammeChild | null;
  readonly encoders: Encoders;
  sources: Sources;
  status: MixStatus | null;
}

/** Runs programme children one after the other until stopped or fenced. */
async function keepRunning(
  context: JobContext,
  deps: MixJobDeps,
  task: MixTask,
  run: Run,
): Promise<JobOutcome> {
  const { signal, log } = context;
  let pauseMs = FIRST_RESTART_MS;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const child = launchProgramme({
      entry: deps.programmeEntry,
      timelineStartedAt: task.createdAt,
      sources: run.sources,
      pictureNetworks: deps.pictureNetworks,
      encoders: run.encoders,
      log,
      onEvent: (event) => {
        if (event.type !== 'speaking') log.info({ event }, 'the programme notices');
        context.emit(event);
      },
      onStatus(status) {
        run.status = status;
        context.report(status);
      },
    });
    run.child = child;
    const stop = (): void => void child.stop();
    signal.addEventListener('abort', stop, { once: true });
    const exit = await child.exited;
    signal.removeEventListener('abort', stop);
    run.child = null;
    if (exit.fenced) return { result: 'fenced' };
    if (signal.aborted) break;
    log.warn({ code: exit.code, signal: exit.signal }, 'programme ended; starting it anew');
    if (run.status) context.report({ ...run.status, state: 'restarting' });
    pauseMs =
      performance.now() - startedAt > GOOD_MS ? FIRST_RESTART_MS : Math.min(pauseMs * 2, MAX_RESTART_MS);
    // Rejects only when we are stopped, which the loop sees itself.
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  return outcomeOfAbort(signal);
}

/** Mixes a room's streams into one programme, published to the hub as the task's stream. */
export function createMixJob(deps: MixJobDeps): JobHandler {
  return async (context) => {
    const task = await context.facts.getTask(context.job.id);
    if (!isMix(task)) return { result: 'done' };
    const encoders = await deps.encoders();
    assertSoundEncodable(task.source.programme.audio, encoders);
    const find = createSourceFinder(context, task);
    const run: Run = { child: null, encoders, sources: await find(), status: null };
    const unfollow = followSources(context, task, find, (sources) => {
      run.sources = sources;
      run.child?.update(sources);
    });
    try {
      return await keepRunning(context, deps, task, run);
    } finally {
      unfollow();
    }
  };
}
