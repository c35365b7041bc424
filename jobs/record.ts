import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import type { GatewayError } from '../src/domain/errors.ts';
import type { JobOutcome } from '../src/domain/job.ts';
import type { RecordTask } from '../src/domain/task.ts';
import { openStreamReader, type StreamReader } from '../src/media/flv/stream-reader.ts';
import { Intake, type TakenTag } from '../src/media/recording/intake.ts';
import { type Journal, openJournal } from '../src/media/recording/journal.ts';
import { JOURNAL_FLV, type JournalEvent, recordingDir } from '../src/media/recording/journal-facts.ts';
import { GAP_MS } from '../src/media/recording/journal-plan.ts';
import type { JobContext, JobHandler, StopReason } from './job-context.ts';
import { readHubStream } from './stream-address.ts';

const REPORT_EVERY_MS = 1000;

export interface RecordJobDeps {
  readonly openReader?: typeof openStreamReader;
}

/** How a run's wait came to its end. */
type Ending = { readonly reason: StopReason } | { readonly error: GatewayError };

/** One run of a recording: reader, intake and journal, and what is told of them. */
class RecordRun {
  readonly #context: JobContext;
  readonly #journal: Journal;
  readonly #intake: Intake;
  readonly #log: Logger;
  /** Unix ms minus monotonic ms, taken once: a clock that is set must not bend the recording. */
  readonly #wallOffsetMs = Date.now() - performance.now();
  #onAir = false;
  #closing = false;
  #droppedTags = 0;
  #lastMs: number;

  constructor(context: JobContext, journal: Journal) {
    this.#context = context;
    this.#journal = journal;
    this.#log = context.log;
    this.#lastMs = journal.facts.lastMs;
    this.#intake = new Intake({ start: journal.facts, onTag: (taken) => this.#append(taken) });
  }

  read(task: RecordTask, openReader: typeof openStreamReader, onFenced: () => void): StreamReader {
    const intake = this.#intake;
    const callbacks: Parameters<typeof readHubStream>[2] = {
      onTag: (tag, info) => {
        intake.take(tag, { ...info, arrivalMs: info.arrivalMs + this.#wallOffsetMs });
      },
      onStreamStart: () => {
        intake.streamStarted();
        this.#onAir = true;
        this.#note('joined');
      },
      onStreamEnd: () => {
        intake.flush();
        this.#onAir = false;
        this.#note('left');
      },
      onState: (state) => {
        if (state === 'down') this.#note('reconnecting');
      },
      onFenced,
    };
    return readHubStream(this.#context, task, callbacks, openReader);
  }

  /** Takes what the reader still held back; nothing is read any more. */
  finish(): void {
    this.#closing = true;
    this.#intake.flush();
    if (this.#droppedTags > 0) this.#note('dropped', this.#droppedTags);
    this.report();
  }

  report(): void {
    const { facts, bytes } = this.#journal;
    const startedAt = this.#intake.startedAtMs;
    const idle = startedAt === null || !this.#onAir ? 'waiting' : 'recording';
    this.#context.report({
      kind: 'record',
      state: this.#closing ? 'closing' : idle,
      startedAt,
      mediaMs: this.#lastMs,
      bytes,
      gaps: facts.events.filter((event) => event.type === 'gap').length,
    });
  }

  #append(taken: TakenTag): void {
    const stepMs = taken.tag.timestamp - this.#lastMs;
    if (this.#lastMs > 0 && stepMs > GAP_MS) this.#note('gap', stepMs);
    this.#lastMs = Math.max(this.#lastMs, taken.tag.timestamp);
    if (this.#journal.append(taken, this.#intake)) return;
    if (this.#droppedTags === 0) this.#log.warn('the disk is too slow: frames of the recording are left out');
    this.#droppedTags += 1;
    this.#intake.skipToKey();
  }

  #note(type: JournalEvent['type'], amount?: number): void {
    const at = Math.round(performance.now() + this.#wallOffsetMs);
    this.#journal.note(amount === undefined ? { at, type } : { at, type, amount });
  }
}

async function endRun(context: JobContext, journal: Journal, reason: StopReason): Promise<JobOutcome> {
  if (reason === 'fenced') {
    await journal.abandon();
    return { result: 'fenced' };
  }
  const facts = await journal.close({ ended: reason === 'stopped' });
  context.log.info({ bytes: facts.bytes, mediaMs: facts.lastMs, reason }, 'journal closed');
  if (reason === 'drain') return { result: 'stopped' };
  const taskId = context.job.id;
  const onAirMs = (facts.lastWallMs ?? 0) - (facts.startedAtMs ?? facts.lastWallMs ?? 0);
  await context.facts.saveRecording({ taskId, state: 'finalising', onAirMs, files: [], error: null });
  await context.facts.requestJob({ kind: 'finalise', id: taskId });
  return { result: 'stopped' };
}

function hasJournal(dir: string): Promise<boolean> {
  return access(path.join(dir, JOURNAL_FLV)).then(
    () => true,
    () => false, // not there, or not ours to open: openJournal names what is wrong
  );
}

/** Runs until the signal, the reader or the journal says that it is over. */
async function recordUntilEnd(
  context: JobContext,
  task: RecordTask,
  openReader: typeof openStreamReader,
): Promise<JobOutcome> {
  let finish: (ending: Ending) => void = () => undefined;
  const ended = new Promise<Ending>((resolve) => {
    finish = resolve;
  });
  const { taskId } = task;
  const dir = recordingDir(context.dataDir, taskId);
  // Over already, and another worker recorded it if one did: here is nothing to close.
  if (context.signal.aborted && !(await hasJournal(dir))) return { result: 'stopped' };
  const journal = await openJournal({
    dir,
    taskId,
    streamId: task.streamId,
    userId: task.source.type === 'single' ? task.source.userId : '',
    log: context.log,
    onError: (error) => finish({ error }),
  });
  // From now on there is a part here that the recording is not ready without.
  await context.facts.saveRecording({ taskId, state: 'finalising', onAirMs: 0, files: [], error: null });
  const { signal } = context;
  const onAbort = () => finish({ reason: signal.reason as StopReason });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const run = new RecordRun(context, journal);
  const reader = run.read(task, openReader, () => finish({ reason: 'fenced' }));
  const timer = setInterval(() => run.report(), REPORT_EVERY_MS);
  const end = await ended;
  clearInterval(timer);
  signal.removeEventListener('abort', onAbort);
  await reader.stop();
  if ('error' in end) {
    await journal.abandon();
    throw end.error;
  }
  run.finish();
  return endRun(context, journal, end.reason);
}

/** Records one stream into a journal until stopped (then asks for its files), fenced, or drained (to go on later). */
export function createRecordJob(deps: RecordJobDeps = {}): JobHandler {
  return async (context) => {
    const task = await context.facts.getTask(context.job.id);
    if (task?.kind !== 'record') return { result: 'done' };
    return recordUntilEnd(context, task, deps.openReader ?? openStreamReader);
  };
}
