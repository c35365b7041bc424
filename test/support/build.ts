import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Vitest's global set-up: builds dist once, and gives the run a temporary folder that goes with it. */
export async function setup(): Promise<() => Promise<void>> {
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: ROOT });
  const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-test-'));
  process.env['TEST_RUN_DIR'] = dir;
  return async () => {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
}
