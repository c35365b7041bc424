import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
import type { RecordedFile, RecordingResult } from '../../domain/task.ts';
import { isHevc, readConfigs } from '../flv/packets.ts';
import {
  JOURNAL_FLV,
  JOURNAL_JSON,
  type JournalFacts,
  readJournalFacts,
  replaceFile,
  syncDir,
} from './journal-facts.ts';
import { type JournalGap, type JournalPart, type JournalPlan, planJournal } from './journal-plan.ts';
import { type Mp4Facts, readMp4Facts } from './mp4-check.ts';
import { PartStream } from './part-stream.ts';
import { remux } from './remux.ts';
import { judgeFile } from './verdict.ts';

/** The outcome of a recording as it lies beside its files. */
const RESULT_JSON = 'recording.json';

export interface FinaliseOptions {
  readonly dir: string;
  readonly taskId: string;
  readonly log: Logger;
  readonly signal?: AbortSignal;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

/** What RESULT_JSON holds: the outcome, and how far into which journal it reaches. */
interface Finished {
  readonly result: RecordingResult;
  /** Start and length of the last journal it covers: seen again it is only to be removed. */
  readonly journal: { readonly startedAtMs: number | null; readonly bytes: number };
}

async function readFinished(dir: string): Promise<Finished | null> {
  const file = path.join(dir, RESULT_JSON);
  return (await exists(file)) ? (JSON.parse(await readFile(file, 'utf8')) as Finished) : null;
}

/** `name.mp4`, `name-2.mp4` ...: the file of that number, counted from 0. */
function fileName(name: string, number: number): string {
  return number === 0 ? `${name}.mp4` : `${name}-${number + 1}.mp4`;
}

function gapsOf(plan: JournalPlan, part: JournalPart, endMs: number): JournalGap[] {
  return plan.gaps.filter((gap) => gap.atMs >= part.firstMs && gap.atMs < endMs);
}

interface PartJob {
  /** Files this recording already has: an unlisted one of that name is of an interrupted run. */
  readonly number: number;
  readonly journal: string;
  readonly plan: JournalPlan;
  readonly part: JournalPart;
  readonly facts: JournalFacts | null;
  /** The journal still is what was written to it. */
  readonly intact: boolean;
}

async function writeAndProbe(
  options: FinaliseOptions,
  stream: PartStream,
  target: { readonly file: string; readonly shiftMs: number; readonly hasHevc: boolean },
): Promise<Mp4Facts> {
  const { log, signal } = options;
  try {
    await remux({ ...target, stream: stream.chunks(), format: stream.format, log, signal });
    return await readMp4Facts(target.file, log);
  } catch (error) {
    await rm(target.file, { force: true });
    throw error;
  }
}

/** Writes one part beside its final name, checks it as a player would, then gives it that name. */
async function makeFile(options: FinaliseOptions, job: PartJob): Promise<RecordedFile> {
  const { part, facts } = job;
  const userId = facts?.userId ?? '';
  const file = path.join(options.dir, fileName(userId === '' ? options.taskId : userId, job.number));
  const temporary = `${file}.part`;
  // What MP4 cannot hold is named before an FFmpeg stumbles over it.
  const { video } = readConfigs(part.headers);
  const stream = new PartStream(job.journal, part);
  const found = await writeAndProbe(options, stream, {
    file: temporary,
    shiftMs: part.firstDtsMs - part.firstMs,
    hasHevc: video !== null && isHevc(video),
  });
  const verdict = judgeFile({
    framesFound: found.frames,
    framesWanted: stream.written,
    durationMs: found.durationMs,
    gaps: gapsOf(job.plan, part, part.firstMs + found.durationMs),
    intact: job.intact,
  });
  if (stream.leftOut > 0) options.log.warn({ frames: stream.leftOut }, 'frames without a place left out');
  await rename(temporary, file);
  await syncDir(options.dir);
  return { path: file, userId, durationMs: found.durationMs, bytes: found.bytes, verdict };
}

/** True when every checkpointed stretch still has its checksum; bytes behind the last checkpoint have none. */
export async function verifyChecksums(
  journal: string,
  facts: JournalFacts,
  signal?: AbortSignal,
): Promise<boolean> {
  for (const { fromByte, toByte, sha256 } of facts.runs) {
    if (toByte <= fromByte) continue;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(journal, { start: fromByte, end: toByte - 1 })) {
      signal?.throwIfAborted();
      hash.update(chunk as Buffer);
    }
    if (hash.digest('hex') !== sha256) return false;
  }
  return true;
}

function onAirMs(facts: JournalFacts | null, plan: JournalPlan): number {
  const { startedAtMs, lastWallMs } = facts ?? { startedAtMs: null, lastWallMs: null };
  if (startedAtMs === null || lastWallMs === null) return plan.lastMs;
  // Facts are up to a second older than the tags when the process was killed.
  return Math.max(lastWallMs - startedAtMs, plan.lastMs);
}

async function makeFiles(options: FinaliseOptions, journal: string): Promise<Finished> {
  const facts = await readJournalFacts(options.dir);
  const plan = await planJournal(journal, options.signal);
  const before = await readFinished(options.dir);
  const covers = { startedAtMs: facts?.startedAtMs ?? null, bytes: plan.wholeBytes };
  if (before?.journal.startedAtMs === covers.startedAtMs && before.journal.bytes === covers.bytes)
    return before;
  const known = before?.result.files ?? [];
  if (plan.parts.length === 0 && known.length === 0) {
    const error = 'nothing was recorded: the stream was never on the air';
    return {
      result: { taskId: options.taskId, state: 'failed', onAirMs: 0, files: [], error },
      journal: covers,
    };
  }
  const intact = facts === null || (await verifyChecksums(journal, facts, options.signal));
  if (!intact) options.log.error('the journal differs from its checksum');
  const files = [...known];
  for (const part of plan.parts) {
    files.push(await makeFile(options, { number: files.length, journal, plan, part, facts, intact }));
  }
  const result: RecordingResult = {
    taskId: options.taskId,
    state: 'ready',
    onAirMs: (before?.result.onAirMs ?? 0) + onAirMs(facts, plan),
    files,
    error: intact ? null : 'what was read back is not what was recorded; the journal is kept',
  };
  return { result, journal: covers };
}

/**
 * Makes the files of a recording that is over and removes its journal. Run again after it was done it
 * gives the same result; throws `not-found` when this machine has nothing of it.
 */
export async function finaliseRecording(options: FinaliseOptions): Promise<RecordingResult> {
  const journal = path.join(options.dir, JOURNAL_FLV);
  if (!(await exists(journal))) {
    const done = await readFinished(options.dir);
    if (done) return done.result;
    throw new GatewayError('not-found', 'there is no journal of this recording here', {
      blame: 'system',
      context: { taskId: options.taskId },
    });
  }
  const finished = await makeFiles(options, journal);
  await replaceFile(path.join(options.dir, RESULT_JSON), `${JSON.stringify(finished, null, 1)}\n`, true);
  const { result } = finished;
  const good = result.error === null && result.files.every((file) => file.verdict.playable);
  // A journal whose files are not as they should be stays for whoever wants to save what is there.
  if (result.files.length > 0 && !good) await rename(journal, `${journal}.kept`);
  await rm(journal, { force: true });
  await rm(path.join(options.dir, JOURNAL_JSON), { force: true });
  return result;
}
