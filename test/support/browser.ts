import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { eventually } from './eventually.ts';
import { makeTestDir } from './roomcast.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const BUILT = path.resolve(import.meta.dirname, '../../dist');
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  ...['--disable-extensions', '--disable-background-networking', '--no-first-run', '--mute-audio'],
];
const RESULT_MS = 90_000;

/** The program of a Chromium on this machine, or null. */
export function findChromium(): string | null {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const places = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return places.find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or no program: not this one
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** Kills a group of processes and waits until none of it is left. */
async function endGroup(pid: number): Promise<void> {
  await eventually(() => {
    try {
      return !process.kill(-pid, 'SIGKILL');
    } catch {
      return true; // there is no such group any more
    }
  }, RESULT_MS);
}

/**
 * Runs the text of a module in a page of a headless Chromium and gives what it hands to `tell()`. It imports built
 * files by their path below dist, and `given` is a constant in it.
 */
export async function runInBrowser(chromium: string, script: string, given: object): Promise<unknown> {
  let tell: (text: string) => void = () => undefined;
  const told = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const fault = 'String(e.reason?.stack ?? e.error?.stack ?? e.message)';
  const page = `<!doctype html><link rel="icon" href="data:,"><script type="module">
const tell = (told) => fetch('/told', { method: 'POST', body: JSON.stringify(told) });
for (const name of ['error', 'unhandledrejection']) addEventListener(name, (e) => tell({ fault: ${fault} }));
const given = ${JSON.stringify(given)};
const run = async () => { ${script} };
run().then(tell, (error) => tell({ fault: String(error.stack) }));
</script>`;
  const server = createServer(async (request, response) => {
    const url = request.url ?? '';
    if (url === '/told') tell(await bodyOf(request));
    const isPage = url === '/' || url === '/told';
    const text = isPage ? page : await readFile(path.join(BUILT, path.normalize(url))).catch(() => null);
    response.writeHead(text === null ? 404 : 200, {
      'content-type': isPage ? 'text/html' : 'text/javascript',
    });
    response.end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const home = await makeTestDir('browser');
  const args = [...FLAGS, `--user-data-dir=${home}`, `http://127.0.0.1:${port}/`];
  // A group of its own: its helpers end with it.
  const child = spawn(chromium, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: home, TMPDIR: home },
  });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-4000);
  });
  const gone = once(child, 'close');
  const late = new Promise<never>((_resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the page told nothing: ${why}\n${stderr}`));
    setTimeout(() => fail('it took too long'), RESULT_MS).unref();
    gone.then(() => fail('Chromium ended'), fail);
  });
  late.catch(() => undefined); // nobody asks when it has told
  try {
    return JSON.parse(await Promise.race([told, late]));
  } finally {
    if (child.pid !== undefined) await endGroup(child.pid);
    await gone;
    server.closeAllConnections();
    server.close();
  }
}
