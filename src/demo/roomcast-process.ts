import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { GatewayError } from '../domain/errors.ts';

export interface RoomcastProcessOptions {
  /** Path of the program. */
  readonly script: string;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** End it at once. */
  readonly hurry: AbortSignal;
}

export interface RoomcastProcess {
  readonly http: string;
  readonly rtmp: string;
  /** Environment with which commands find it. */
  readonly env: NodeJS.ProcessEnv;
  /** The end of its log. */
  readonly logTail: readonly string[];
  /** SIGTERM, after a while SIGKILL; resolves with its exit code when it is gone, null for a signal. */
  stop(): Promise<number | null>;
}

const READY_MS = 60_000;
/** It ends its recordings and children within 10 s. */
const STOP_MS = 12_000;
const LOG_LINES = 30;

/** Nothing of the caller's own ROOMCAST_* gets in: the demo touches no roomcast that runs already. */
function demoEnvironment(env: NodeJS.ProcessEnv, dataDir: string): NodeJS.ProcessEnv {
  const foreign = Object.entries(env).filter(([name]) => !name.startsWith('ROOMCAST_'));
  return {
    ...Object.fromEntries(foreign),
    ROOMCAST_HTTP_PORT: '0',
    ROOMCAST_RTMP_PORT: '0',
    ROOMCAST_BIND: '127.0.0.1',
    ROOMCAST_DATA_DIR: dataDir,
    ROOMCAST_LOG_LEVEL: 'warn',
  };
}

async function readReadyLine(stdout: Readable, signal: AbortSignal): Promise<{ http: string; rtmp: string }> {
  const lines = createInterface({ input: stdout });
  const [line] = (await once(lines, 'line', {
    signal: AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]),
  })) as [string];
  return JSON.parse(line) as { http: string; rtmp: string };
}

/** Starts `roomcast start` on free ports; throws `child-failed` with the end of its log when it does not get up. */
export async function startRoomcastProcess(options: RoomcastProcessOptions): Promise<RoomcastProcess> {
  const env = demoEnvironment(options.env, options.dataDir);
  const child = spawn(process.execPath, [options.script, 'start', '--json'], {
    env,
    // A group of its own: Ctrl-C goes to the demo, which ends it in order. The IPC channel ends it with us.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('a child asked for pipes has none');
  const tail: string[] = [];
  createInterface({ input: stderr }).on('line', (line) => {
    tail.push(line);
    tail.splice(0, tail.length - LOG_LINES);
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('exit', (code) => resolve(code));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const code = await exited;
    clearTimeout(timer);
    return code;
  };
  options.hurry.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  const early = new AbortController();
  exited.then(() => early.abort()).catch(() => undefined); // `exited` never rejects
  try {
    const ready = await readReadyLine(stdout, AbortSignal.any([options.signal, early.signal]));
    return { ...ready, env, logTail: tail, stop };
  } catch (cause) {
    await stop();
    options.signal.throwIfAborted();
    throw new GatewayError('child-failed', `roomcast did not start:\n${tail.join('\n')}`, {
      blame: 'system',
      cause,
    });
  }
}
