import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { descendants } from './process-tree.ts';

/** The built program, seen from here or from this file's own built form. */
export const MAIN = path.resolve(
  import.meta.dirname,
  import.meta.filename.endsWith('.ts') ? '../../dist/src/main.js' : '../../src/main.js',
);
const READY_MS = 30_000;
const CLI_MS = 30_000;
const MAX_LOG_CHARS = 4 * 1024 * 1024;

export interface StartOptions {
  /** Added to ports 0 and a fresh data dir; an empty text unsets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Stays when roomcast ends: start again on it to see what it remembers. */
  readonly dataDir?: string;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestApp {
  readonly sdkAppId: number;
  readonly name: string;
  readonly secretKey: string;
  readonly apiKeys: readonly { readonly secretId: string; readonly secretKey: string }[];
}

export interface RunningRoomcast {
  readonly http: string;
  readonly rtmp: string;
  readonly dataDir: string;
  readonly pid: number;
  readonly adminToken: string;
  readonly app: TestApp;
  /** Runs a command of the CLI on the same data dir. */
  cli(args: readonly string[], input?: string): Promise<CliResult>;
  /** All it wrote to stderr so far (the last 4 MB of it). */
  logs(): string;
  /** SIGTERM, then the exit code; null when a signal ended it. Does nothing more when it has ended. */
  stop(): Promise<number | null>;
  /** SIGKILL of the supervisor alone. */
  kill(): Promise<void>;
  /** Every living process below it. */
  childPids(): number[];
}

/** Environment of a roomcast on free ports; nothing of the caller's own ROOMCAST_* gets in. */
export function testEnv(dataDir: string, env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith('ROOMCAST_'));
  const own = {
    ROOMCAST_HTTP_PORT: '0',
    ROOMCAST_RTMP_PORT: '0',
    ROOMCAST_BIND: '127.0.0.1',
    ROOMCAST_DATA_DIR: dataDir,
    ROOMCAST_LOG_LEVEL: 'debug',
  };
  return { ...Object.fromEntries(foreign), ...own, ...env };
}

/** A fresh folder that is removed when the test run is over. */
export function makeTestDir(name: string): Promise<string> {
  return mkdtemp(path.join(process.env['TEST_RUN_DIR'] ?? tmpdir(), `${name}-`));
}

export interface CliOptions {
  /** What it reads from stdin. */
  readonly input?: string;
  /** It is sent SIGTERM after this time. */
  readonly terminateAfterMs?: number;
}

/** Runs the built program to its end; killed after 30 s. */
export async function runCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  options: CliOptions = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [MAIN, ...args], { env, timeout: CLI_MS, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => undefined); // a command that reads no stdin may be gone already
  child.stdin.end(options.input ?? '');
  const { terminateAfterMs } = options;
  const timer =
    terminateAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), terminateAfterMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, stdout, stderr };
}

/** Starts `roomcast start --json` on free ports and waits for its ready line; fails with its logs. */
export async function startRoomcast(options: StartOptions = {}): Promise<RunningRoomcast> {
  const dataDir = options.dataDir ?? (await makeTestDir('data'));
  const env = testEnv(dataDir, options.env);
  const child = spawn(process.execPath, [MAIN, 'start', '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let logs = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    logs = (logs + text).slice(-MAX_LOG_CHARS);
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const { http, rtmp } = await readyLineOf(child, ended, () => logs);
  const { apps, adminToken } = JSON.parse(await readFile(path.join(dataDir, 'apps.json'), 'utf8')) as {
    apps: [TestApp, ...TestApp[]];
    adminToken: string;
  };
  return {
    http,
    rtmp,
    dataDir,
    pid: child.pid ?? 0,
    adminToken,
    app: apps[0],
    cli: (args, input = '') => runCli(args, env, { input }),
    logs: () => logs,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await ended;
      return code;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    childPids: () => descendants(child.pid ?? 0).map((info) => info.pid),
  };
}

async function readyLineOf(
  child: ChildProcess,
  ended: Promise<unknown>,
  logs: () => string,
): Promise<{ http: string; rtmp: string }> {
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, 'line', { signal: AbortSignal.timeout(READY_MS) }) as Promise<[string]>;
  const early = ended.then(() => {
    throw new Error(`roomcast ended before it was ready:\n${logs()}`);
  });
  try {
    const [text] = await Promise.race([line, early]);
    return JSON.parse(text) as { http: string; rtmp: string };
  } catch (error) {
    child.kill('SIGKILL');
    line.catch(() => undefined); // the race has told already
    throw new Error(`roomcast did not get ready:\n${logs()}`, { cause: error });
  } finally {
    early.catch(() => undefined); // it ends one day
  }
}
