import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { freeLoopbackPort, listensOnLoopback } from '../../src/supervisor/loopback.ts';
import type { Certificate } from './certificates.ts';
import { eventually } from './eventually.ts';

/** node-media-server as others run it: a process of its own that records everything. */
export interface ForeignHub {
  readonly rtmpPort: number;
  readonly rtmpsPort: number;
  /** Paths of the recordings of one stream. */
  recordings(app: string, key: string): Promise<string[]>;
  stop(): Promise<void>;
}

const START_MS = 60_000;

export async function startForeignHub(dir: string, certificate: Certificate): Promise<ForeignHub> {
  const [rtmpPort, rtmpsPort, httpPort] = await Promise.all([
    freeLoopbackPort(),
    freeLoopbackPort(),
    freeLoopbackPort(),
  ]);
  const record = path.join(dir, 'record');
  await mkdir(record);
  await writeFile(path.join(dir, 'cert.pem'), certificate.cert);
  await writeFile(path.join(dir, 'key.pem'), certificate.key);
  const config = {
    bind: '127.0.0.1',
    store: { path: dir, maxHistory: 10 },
    auth: { play: false, publish: false, secret: 'none', jwt: { secret: 'x'.repeat(32), users: [] } },
    rtmp: { port: rtmpPort },
    rtmps: { port: rtmpsPort, key: path.join(dir, 'key.pem'), cert: path.join(dir, 'cert.pem') },
    http: { port: httpPort },
    record: { auto: true, path: record },
  };
  await writeFile(path.join(dir, 'config.json'), JSON.stringify(config));
  const root = path.dirname(createRequire(import.meta.url).resolve('node-media-server/package.json'));
  const child = spawn(
    process.execPath,
    [path.join(root, 'bin', 'app.js'), '-c', path.join(dir, 'config.json'), '--no-admin'],
    { cwd: dir, stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  for (const port of [rtmpPort, rtmpsPort]) await eventually(() => listensOnLoopback(port), START_MS);
  return {
    rtmpPort,
    rtmpsPort,
    recordings: async (app, key) => {
      const folder = path.join(record, app, key);
      const names = await readdir(folder).catch(() => []); // nothing recorded yet
      return names.map((name) => path.join(folder, name));
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
