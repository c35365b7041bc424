import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finaliseRecording, verifyChecksums } from '../../../src/media/recording/finalise.ts';
import { Intake } from '../../../src/media/recording/intake.ts';
import { openJournal } from '../../../src/media/recording/journal.ts';
import { readJournalFacts } from '../../../src/media/recording/journal-facts.ts';
import { makeFlv, readFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { decodeErrors, probe } from '../../support/media-checks.ts';

const log = pino({ level: 'silent' });
const WRITER = path.resolve(import.meta.dirname, '../../../dist/test/support/journal-writer.js');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-journal-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const options = () => ({
  dir,
  taskId: 'killed',
  streamId: 's',
  userId: '',
  log,
  onError: (error: Error) => {
    throw error;
  },
});

/** Runs the writer until it says it got that far, then kills it; gives how far it really got. */
async function writeUntilKilled(clip: string, killAtMs: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, dir, clip], { stdio: ['ignore', 'pipe', 'inherit'] });
  let reachedMs = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    reachedMs = Number(chunk.toString().trim().split('\n').at(-1));
  });
  await eventually(() => reachedMs >= killAtMs, 30_000, 10);
  child.kill('SIGKILL');
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  return reachedMs;
}

describe('a journal whose writer is killed', () => {
  it('loses at most a second and finishes to a clean MP4', async () => {
    const clip = await makeFlv({ dir, name: 'clip', seconds: 15, bFrames: 2 });
    const reachedMs = await writeUntilKilled(clip, 4300);

    const result = await finaliseRecording({ dir, taskId: 'killed', log });

    const file = path.join(dir, 'killed.mp4');
    const found = await probe(file);
    expect(found.durationMs).toBeGreaterThan(reachedMs - 1000);
    expect(result.files[0]?.verdict.playable).toBe(true);
    expect(await decodeErrors(file)).toBe('');
  });

  it('is cut at its last whole tag at the next start and goes on behind it', async () => {
    const clip = await makeFlv({ dir, name: 'clip', seconds: 15 });
    await writeUntilKilled(clip, 2500);
    const flv = path.join(dir, 'journal.flv');
    const { size } = await stat(flv);
    await truncate(flv, size - 7);
    const before = await readJournalFacts(dir);

    const journal = await openJournal(options());
    expect(journal.facts.startedAtMs).toBe(before?.startedAtMs);
    expect(journal.facts.events.at(-1)).toMatchObject({ type: 'repaired' });
    const intake = new Intake({ start: journal.facts, onTag: (taken) => journal.append(taken, intake) });
    const resumedAt = (before?.startedAtMs ?? 0) + 8000;
    for (const tag of (await readFlv(clip)).filter(({ timestamp }) => timestamp < 3000)) {
      intake.take(tag, { arrivalMs: resumedAt + tag.timestamp, cached: false });
    }
    await journal.close({ ended: true });
    const result = await finaliseRecording({ dir, taskId: 'killed', log });

    expect(result.files).toHaveLength(1);
    expect(Math.abs((result.files[0]?.durationMs ?? 0) - 11_000)).toBeLessThan(300);
    expect(result.files[0]?.verdict).toMatchObject({ playable: true, gaps: 1 });
    expect(await decodeErrors(path.join(dir, 'killed.mp4'))).toBe('');
  });

  it('has a checksum of all that was synced, which finds a changed byte', async () => {
    const clip = await makeFlv({ dir, name: 'clip', seconds: 15 });
    await writeUntilKilled(clip, 2500);
    const flv = path.join(dir, 'journal.flv');
    const facts = await readJournalFacts(dir);
    expect(facts?.bytes).toBeGreaterThan(10_000);
    if (!facts) throw new Error('no facts');
    expect(await verifyChecksums(flv, facts)).toBe(true);
    const bytes = await readFile(flv);
    expect(facts.runs.at(-1)?.toByte).toBeLessThanOrEqual(bytes.length);
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    await writeFile(flv, bytes);
    expect(await verifyChecksums(flv, facts)).toBe(false);
  });
});
