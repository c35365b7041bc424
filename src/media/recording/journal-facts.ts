import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

const runSchema = z.object({
  fromByte: z.number(),
  /** Up to here the checksum holds; what follows was written after it. */
  toByte: z.number(),
  sha256: z.string(),
  startedAt: z.number(),
});

const eventSchema = z.object({
  at: z.number(),
  type: z.enum(['joined', 'left', 'reconnecting', 'resumed', 'gap', 'dropped', 'repaired']),
  /** Length of a gap in ms, bytes of a cut, tags dropped. */
  amount: z.number().optional(),
});

const factsSchema = z.object({
  version: z.literal(1),
  taskId: z.string(),
  streamId: z.string(),
  /** Empty for a mix. */
  userId: z.string(),
  /** Unix ms of time 0 of the journal; null while nothing was written. */
  startedAtMs: z.number().nullable(),
  /** Unix ms of the last written tag. */
  lastWallMs: z.number().nullable(),
  lastMs: z.number(),
  /** Journal time minus the source's timestamp, to recognise the source after a restart. */
  sourceOffsetMs: z.number().nullable(),
  bytes: z.number(),
  /** The recording is over: files can be made of it. */
  ended: z.boolean(),
  runs: z.array(runSchema),
  events: z.array(eventSchema),
});

/** What is known of a journal besides its tags; it lies beside it as `journal.json`. */
export type JournalFacts = z.infer<typeof factsSchema>;
export type JournalEvent = z.infer<typeof eventSchema>;

export const JOURNAL_FLV = 'journal.flv';
export const JOURNAL_JSON = 'journal.json';

export function recordingsDir(dataDir: string): string {
  return path.join(dataDir, 'recordings');
}

export function recordingDir(dataDir: string, taskId: string): string {
  return path.join(recordingsDir(dataDir), taskId);
}

/** The facts of a journal, or null when there are none that can be read. */
export async function readJournalFacts(dir: string): Promise<JournalFacts | null> {
  const text = await readFile(path.join(dir, JOURNAL_JSON), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return factsSchema.parse(JSON.parse(text));
  } catch {
    return null; // a disk that filled up mid-write; the tags tell the most of it
  }
}

/** Replaces a file as a whole: readers see the old or the new text, also after a loss of power when `durable`. */
export async function replaceFile(file: string, text: string, durable: boolean): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w', 0o640);
  try {
    await handle.writeFile(text);
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  if (durable) await syncDir(path.dirname(file));
}

/** Makes renames and new files of a folder survive a loss of power. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function writeJournalFacts(dir: string, facts: JournalFacts, durable: boolean): Promise<void> {
  await replaceFile(path.join(dir, JOURNAL_JSON), `${JSON.stringify(facts, null, 1)}\n`, durable);
}
