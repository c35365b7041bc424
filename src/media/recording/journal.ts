import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
import { encodeFlvTag, flvHeader } from '../flv/writer.ts';
import type { TakenTag } from './intake.ts';
import {
  JOURNAL_FLV,
  type JournalEvent,
  type JournalFacts,
  readJournalFacts,
  syncDir,
  writeJournalFacts,
} from './journal-facts.ts';
import { FLV_FILE_HEADER_BYTES, repairJournal } from './repair.ts';

/** What SIGKILL or a loss of power may take. */
const SYNC_EVERY_MS = 1000;
/** Written to the kernel this often, so that SIGKILL alone takes less. */
const WRITE_EVERY_MS = 200;
/** Ten seconds of 50 Mbit/s: a disk that is slower for longer loses frames, not our memory. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const MAX_EVENTS = 1000;
const MAX_RUNS = 1000;

export interface JournalOptions {
  readonly dir: string;
  readonly taskId: string;
  readonly streamId: string;
  readonly userId: string;
  readonly log: Logger;
  /** Called once when the journal can no longer be written (`disk`); `close` then throws the same. */
  readonly onError: (error: GatewayError) => void;
}

/** The timeline as it stands, kept so that a later run goes on with it. */
export interface JournalClock {
  readonly startedAtMs: number | null;
  readonly sourceOffsetMs: number | null;
}

/** A recording while it runs: received tags appended to `journal.flv`, its facts beside it. */
export interface Journal {
  readonly facts: JournalFacts;
  /** Bytes handed over, written or not. */
  readonly bytes: number;
  /** False: the queue is full and the tag was left out; go on at a key frame. */
  append(taken: TakenTag, clock: JournalClock): boolean;
  note(event: JournalEvent): void;
  /** Lets go without another write: a higher epoch owns the file now. */
  abandon(): Promise<void>;
  /** Writes and syncs all that was taken; `ended` says that files can be made of it. */
  close(options: { ended: boolean }): Promise<JournalFacts>;
}

function newFacts(options: JournalOptions): JournalFacts {
  return {
    version: 1,
    taskId: options.taskId,
    streamId: options.streamId,
    userId: options.userId,
    startedAtMs: null,
    lastWallMs: null,
    lastMs: 0,
    sourceOffsetMs: null,
    bytes: FLV_FILE_HEADER_BYTES,
    ended: false,
    runs: [],
    events: [],
  };
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
}

/** The facts to go on with: an existing journal is cut at its last whole tag, a missing one begun. */
async function prepare(options: JournalOptions, file: string): Promise<JournalFacts> {
  await mkdir(options.dir, { recursive: true });
  const known = (await readJournalFacts(options.dir)) ?? newFacts(options);
  const size = await sizeOf(file);
  if (size < FLV_FILE_HEADER_BYTES) {
    const handle = await open(file, 'w', 0o640);
    await handle.writeFile(flvHeader());
    await handle.sync();
    await handle.close();
    await syncDir(options.dir);
    return newFacts(options);
  }
  const safeByte = known.bytes <= size ? known.bytes : FLV_FILE_HEADER_BYTES;
  const end = await repairJournal(file, safeByte);
  if (end.cutBytes > 0) options.log.warn({ cutBytes: end.cutBytes }, 'journal cut at its last whole tag');
  const lastMs = Math.max(end.lastMs, safeByte === known.bytes ? known.lastMs : 0);
  return {
    ...known,
    ended: false,
    bytes: end.wholeBytes,
    lastMs,
    // Without facts the end of the journal is taken as now less nothing: its own length stays right.
    startedAtMs: known.startedAtMs ?? (end.wholeBytes > FLV_FILE_HEADER_BYTES ? Date.now() - lastMs : null),
    events:
      end.cutBytes > 0
        ? [...known.events, { at: Date.now(), type: 'repaired', amount: end.cutBytes }]
        : known.events,
  };
}

class FileJournal implements Journal {
  facts: JournalFacts;
  readonly #options: JournalOptions;
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  readonly #fromByte: number;
  readonly #startedAt = Date.now();
  readonly #earlierRuns: JournalFacts['runs'];
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #bytes: number;
  #dirty = false;
  #abandoned = false;
  #lastWallMs: number | null;
  #lastMs: number;
  #clock: JournalClock;

  #error: GatewayError | null = null;

  constructor(options: JournalOptions, handle: FileHandle, facts: JournalFacts) {
    this.facts = facts;
    this.#options = options;
    this.#handle = handle;
    this.#fromByte = facts.bytes;
    this.#bytes = facts.bytes;
    this.#lastWallMs = facts.lastWallMs;
    this.#lastMs = facts.lastMs;
    this.#clock = facts;
    this.#earlierRuns = facts.runs.slice(-MAX_RUNS);
    this.#loop = this.#run();
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(taken: TakenTag, clock: JournalClock): boolean {
    const bytes = encodeFlvTag(taken.tag);
    if (this.#queuedBytes + bytes.length > MAX_QUEUED_BYTES) return false;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#bytes += bytes.length;
    this.#clock = clock;
    this.#lastWallMs = Math.max(this.#lastWallMs ?? 0, taken.wallMs);
    this.#lastMs = Math.max(this.#lastMs, taken.tag.timestamp);
    return true;
  }

  note(event: JournalEvent): void {
    const events = [...this.facts.events, event];
    // The first ones tell how it began, the last ones how it is: the middle goes.
    if (events.length > MAX_EVENTS) events.splice(MAX_EVENTS / 2, events.length - MAX_EVENTS);
    this.facts = { ...this.facts, events };
    this.#dirty = true;
  }

  async abandon(): Promise<void> {
    this.#abandoned = true;
    this.#stop.abort();
    await this.#loop;
    await this.#handle.close();
  }

  async close(options: { ended: boolean }): Promise<JournalFacts> {
    this.#stop.abort();
    try {
      await this.#loop;
      if (this.#error) throw this.#error;
      await this.#write();
      await this.#handle.sync();
      this.facts = { ...this.#current(), ended: options.ended };
      await writeJournalFacts(this.#options.dir, this.facts, true);
      return this.facts;
    } finally {
      await this.#handle.close();
    }
  }

  async #run(): Promise<void> {
    try {
      let syncedAt = performance.now();
      while (!this.#stop.signal.aborted) {
        // Rejects only when stopped, and the loop looks at that itself.
        await delay(WRITE_EVERY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
        if (this.#abandoned) return;
        await this.#write();
        if (performance.now() - syncedAt < SYNC_EVERY_MS || !this.#dirty) continue;
        syncedAt = performance.now();
        await this.#checkpoint();
      }
    } catch (cause) {
      this.#error = new GatewayError('disk', 'the recording cannot be written', { blame: 'system', cause });
      this.#options.onError(this.#error);
    }
  }

  async #write(): Promise<void> {
    if (this.#queue.length === 0) return;
    const batch = Buffer.concat(this.#queue, this.#queuedBytes);
    this.#queue = [];
    for (let at = 0; at < batch.length; ) {
      const { bytesWritten } = await this.#handle.write(batch, at);
      at += bytesWritten;
    }
    this.#queuedBytes -= batch.length;
    this.#hash.update(batch);
    this.facts = { ...this.facts, bytes: this.facts.bytes + batch.length };
    this.#dirty = true;
  }

  /** Syncs the tags first, then says so: the facts never claim more than the disk has. */
  async #checkpoint(): Promise<void> {
    this.#dirty = false;
    const facts = this.#current();
    await this.#handle.datasync();
    this.facts = { ...facts, events: this.facts.events };
    await writeJournalFacts(this.#options.dir, this.facts, false);
  }

  #current(): JournalFacts {
    const run = {
      fromByte: this.#fromByte,
      toByte: this.facts.bytes,
      sha256: this.#hash.copy().digest('hex'),
      startedAt: this.#startedAt,
    };
    return {
      ...this.facts,
      startedAtMs: this.#clock.startedAtMs,
      sourceOffsetMs: this.#clock.sourceOffsetMs,
      lastWallMs: this.#lastWallMs,
      lastMs: this.#lastMs,
      runs: [...this.#earlierRuns, run],
    };
  }
}

/** Opens or begins the journal of a task; throws `disk` when the folder cannot be used. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const file = path.join(options.dir, JOURNAL_FLV);
  try {
    const facts = await prepare(options, file);
    await writeJournalFacts(options.dir, facts, true);
    // Appending keeps whole tags whole even while a fenced run of the same task still writes its last batch.
    return new FileJournal(options, await open(file, 'a'), facts);
  } catch (cause) {
    throw new GatewayError('disk', 'the recording cannot be opened', { blame: 'system', cause });
  }
}
