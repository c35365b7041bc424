import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockDataDir } from '../../../src/config/data-dir.ts';
import { makeTestDir } from '../../support/roomcast.ts';

const HOLDER = `
import { lockDataDir } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../../dist/src/config/data-dir.js'))};
await lockDataDir(process.argv[1]);
process.stdout.write('held');
setInterval(() => undefined, 1000);
`;

describe('the lock of a data dir', () => {
  it('makes the folder, closed to others', async () => {
    const dir = path.join(await makeTestDir('data'), 'a', 'b');
    const lock = await lockDataDir(dir);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    await lock.release();
  });

  it('is one per folder, whatever path leads there, and free again once released', async () => {
    const dir = await makeTestDir('data');
    const lock = await lockDataDir(dir);
    await expect(lockDataDir(path.join(dir, '..', path.basename(dir)))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`in use by process ${process.pid}`),
    });
    const other = await lockDataDir(await makeTestDir('data'));
    await lock.release();
    await (await lockDataDir(dir)).release();
    await other.release();
  });

  it('goes with its process when that is killed, and a start that waits gets it then', async () => {
    const dir = await makeTestDir('data');
    const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await expect(lockDataDir(dir)).rejects.toThrow(`process ${holder.pid}`);
    const waiting = lockDataDir(dir, { waitMs: 10_000 });
    holder.kill('SIGKILL');
    await (await waiting).release();
  });

  it('is given to exactly one of many that ask at once', async () => {
    const dir = await makeTestDir('data');
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => lockDataDir(dir)));
    const got = all.filter((one) => one.status === 'fulfilled');
    expect(got).toHaveLength(1);
    for (const one of got) await one.value.release();
  });
});
