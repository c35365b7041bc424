import { setTimeout as delay } from 'node:timers/promises';
import type { JobOutcome, MixStatus } from '../src/domain/job.ts';
import type { Task, TaskSource } from '../src/domain/task.ts';
import { launchProgramme, type ProgrammeChild } from '../src/media/programme/launcher.ts';
import type { Sources } from '../src/media/programme/protocol.ts';
import type { JobContext, JobHandler } from './job-context.ts';
import { type KnownStreams, mixInputs } from './mix-inputs.ts';
import { streamTicket } from './stream-address.ts';

export interface MixJobDeps {
  /** The built src/media/programme/main.js. */
  readonly programmeEntry: string;
  /** CIDRs that pictures may come from though they are not public. */
  readonly pictureNetworks: readonly string[];
}

type MixTask = Task & { readonly source: Extract<TaskSource, { type: 'mix' }> };

/** Tickets live five minutes; the child gets new ones well before, for its next reconnect. */
const RENEW_EVERY_MS = 60_000;
/** A gateway may come back on another port: asked this often, beside being told of changes of room and task. */
const LOCATE_EVERY_MS = 1000;
const FIRST_RESTART_MS = 200;
const MAX_RESTART_MS = 2000;
/** A child that lived this long was a good one. */
const GOOD_MS = 10_000;

function isMix(task: Task | null): task is MixTask {
  return task?.source.type === 'mix';
}

/** Reads the facts and says where everything is, with fresh tickets. */
function createSourceFinder(context: JobContext, task: MixTask): () => Promise<Sources> {
  const known: KnownStreams = new Map();

  return async () => {
    const [room, gateway, latest] = await Promise.all([
      context.facts.getRoom(task.appId, task.room),
      context.facts.locateRoom(task.appId, task.room),
      context.facts.getTask(task.taskId),
    ]);
    const { source, revision } = isMix(latest) ? latest : task;
    const readUrl = async (stream: string): Promise<string | null> => {
      const { appId, room: id } = task;
      const holder = await context.facts.locateStream({ appId, room: id, streamId: stream });
      return (
        holder &&
        `${holder.internalHttp}/internal/flv/${stream}?ticket=${streamTicket(context, stream, 'read')}`
      );
    };
    const inputs = mixInputs(room, known);
    return {
      publishUrl:
        gateway &&
        `${gateway.internalRtmp}/internal/${task.streamId}?ticket=${streamTicket(context, task.streamId, 'publish')}`,
      inputs: await Promise.all(
        inputs.map(async (input) => ({ ...input, url: await readUrl(input.streamId) })),
      ),
      programme: source.programme,
      programmeRevision: revision,
    };
  };
}

/** What makes an update worth sending: everything but the tickets. */
function outline(sources: Sources): string {
  const bare = (url: string | null): string | null => url && (url.split('?')[0] ?? null);
  return JSON.stringify([
    bare(sources.publishUrl),
    sources.inputs.map((input) => [input.streamId, bare(input.url), input.blocked]),
    sources.programme,
  ]);
}

/** Tells the listener of every change of the sources, and of fresh tickets from time to time. */
function followSources(
  context: JobContext,
  task: MixTask,
  find: () => Promise<Sources>,
  listener: (sources: Sources) => void,
): () => void {
  let last = '';
  let sentAt = 0;
  let looking = false;
  let again = false;
  async function look(): Promise<void> {
    again = looking;
    if (looking) return;
    looking = true;
    try {
      do {
        again = false;
        const sources = await find();
        const next = outline(sources);
        if (next === last && Date.now() - sentAt < RENEW_EVERY_MS) continue;
        last = next;
        sentAt = Date.now();
        listener(sources);
      } while (again);
    } catch (error) {
      context.log.warn({ err: error }, 'facts of the room cannot be read; the programme goes on');
    } finally {
      looking = false;
    }
  }
  const trigger = (): void => void look();
  const unwatch = context.facts.watchRoom(task.appId, task.room, trigger);
  const unhear = context.onUpdate(trigger);
  const timer = setInterval(trigger, LOCATE_EVERY_MS);
  return () => {
    unwatch();
    unhear();
    clearInterval(timer);
  };
}

function outcomeOfAbort(signal: AbortSignal): JobOutcome {
  return { result: signal.reason === 'fenced' ? 'fenced' : 'stopped' };
}

interface Run {
  child: ProgrammeChild | null;
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
    const find = createSourceFinder(context, task);
    const run: Run = { child: null, sources: await find(), status: null };
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
