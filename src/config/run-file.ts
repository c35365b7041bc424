import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from './atomic-file.ts';

const RUN_FACTS = z.object({
  ready: z.literal(true),
  /** Without trailing slash. */
  http: z.string(),
  rtmp: z.string(),
  /** How commands on this machine reach it; `http` may be a public URL that only others can use. */
  localHttp: z.string(),
  pid: z.number().int(),
});

/** What <data dir>/run.json says of the roomcast that runs on that data dir. */
export type RunFacts = z.infer<typeof RUN_FACTS>;

function runPath(dataDir: string): string {
  return join(dataDir, 'run.json');
}

export async function writeRunFile(dataDir: string, facts: RunFacts): Promise<void> {
  await replaceFile(runPath(dataDir), `${JSON.stringify(facts)}\n`);
}

/** null when nothing runs on that data dir, as far as the file tells; it outlives a SIGKILL of its owner. */
export async function readRunFile(dataDir: string): Promise<RunFacts | null> {
  try {
    return RUN_FACTS.parse(JSON.parse(await readFile(runPath(dataDir), 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function removeRunFile(dataDir: string): Promise<void> {
  await rm(runPath(dataDir), { force: true });
}
