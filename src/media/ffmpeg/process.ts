import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { Logger } from 'pino';
import { childEnvironment } from './child-environment.ts';
import { type FfmpegExit, outcomeOf, redactLine } from './exit.ts';
import type { Line } from './lines.ts';

export interface FfmpegProcessOptions {
  readonly args: readonly string[];
  readonly log: Logger;
  /** For log lines: `decoder`, `encoder`. */
  readonly name: string;
  readonly stdin: 'pipe' | 'ignore';
  readonly stdout: 'pipe' | 'ignore' | Line;
  /** From descriptor 3 on, for the child to write to; closed when it is gone. */
  readonly lines?: readonly Line[];
  /** Told of every line on stderr, secrets hidden. */
  readonly onLine?: (line: string) => void;
  /** -20 to 19; a child that may wait gets a higher one. */
  readonly nice?: number;
  /** `ffmpeg` of the PATH by default. */
  readonly binary?: string;
}

/** A running FFmpeg; whoever started it ends it by `stop` or `kill`. */
export interface FfmpegProcess {
  /** 0 when it never ran. */
  readonly pid: number;
  /** -20 to 19; does nothing when the system forbids it. */
  setNice(nice: number): void;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  /** Always resolves, when the child is gone. */
  readonly exited: Promise<FfmpegExit>;
  /** End of its input, then SIGTERM, then SIGKILL, each after `stepMs`; resolves when it is gone. */
  stop(stepMs?: number): Promise<FfmpegExit>;
  /** SIGKILL at once: for children whose output nobody needs whole. */
  kill(): void;
}

const TAIL_LINES = 20;
const TAIL_LINE_CHARS = 400;
const STOP_STEP_MS = 1500;

function collectTail(stream: Readable, tail: string[], onLine?: (line: string) => void): void {
  let rest = '';
  const keep = (text: string): void => {
    const line = redactLine(text.slice(0, TAIL_LINE_CHARS));
    tail.push(line);
    onLine?.(line);
  };
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split(/[\r\n]+/);
    // The beginning is kept: the rest of a URL whose scheme was cut off could not be told for one.
    rest = (lines.pop() ?? '').slice(0, TAIL_LINE_CHARS);
    for (const line of lines) {
      if (line !== '') keep(line);
    }
    tail.splice(0, Math.max(0, tail.length - TAIL_LINES));
  });
  stream.on('end', () => {
    if (rest !== '') keep(rest);
  });
}

function watchExit(
  child: ChildProcess,
  tail: readonly string[],
  isAsked: () => boolean,
): Promise<FfmpegExit> {
  return new Promise((resolve) => {
    const finish = (code: number | null, signal: string | null, startError: boolean): void =>
      resolve({
        outcome: outcomeOf({ code, signal, asked: isAsked(), startError }),
        code,
        signal,
        tail: [...tail],
      });
    // A missing binary gives only `error`, never `exit`.
    child.once('error', () => {
      if (child.pid === undefined) finish(null, null, true);
    });
    child.once('close', (code, signal) => finish(code, signal, false));
    // `close` waits for the pipes, which a grandchild could hold; the child itself is gone at `exit`.
    child.once('exit', (code, signal) => setImmediate(() => setImmediate(() => finish(code, signal, false))));
  });
}

function changePriority(pid: number, nice: number, log: Logger): void {
  try {
    setPriority(pid, nice);
  } catch (error) {
    // Already gone, or not allowed here: it runs as it did.
    log.debug({ err: error }, 'priority not changed');
  }
}

/** Starts FFmpeg with a minimal environment; pipe errors end in `exited`, never in an exception. */
export function startFfmpeg(options: FfmpegProcessOptions): FfmpegProcess {
  const { args, log, name, stdin, stdout } = options;
  const more = options.lines ?? [];
  const child = spawn(options.binary ?? 'ffmpeg', args, {
    env: { ...childEnvironment(), AV_LOG_FORCE_NOCOLOR: '1' },
    stdio: [
      stdin,
      typeof stdout === 'string' ? stdout : stdout.childEnd,
      'pipe',
      ...more.map((line) => line.childEnd),
    ],
  });
  const lines = typeof stdout === 'string' ? more : [stdout, ...more];
  for (const line of lines) line.childEnd.destroy();
  let asked = false;
  const tail: string[] = [];
  if (child.stderr) collectTail(child.stderr, tail, options.onLine);
  const exited = watchExit(child, tail, () => asked);
  void exited.then(() => {
    for (const line of lines) line.close();
  });
  // EPIPE and the like: the exit tells what happened.
  for (const stream of [child.stdin, child.stdout]) {
    stream?.on('error', (error) =>
      log.debug({ child: name, code: (error as NodeJS.ErrnoException).code }, 'pipe ended'),
    );
  }
  const setNice = (nice: number): void => {
    if (child.pid !== undefined && child.exitCode === null) changePriority(child.pid, nice, log);
  };
  if (options.nice !== undefined) setNice(options.nice);

  return {
    pid: child.pid ?? 0,
    setNice,
    stdin: child.stdin,
    stdout: child.stdout,
    exited,
    async stop(stepMs = STOP_STEP_MS) {
      asked = true;
      child.stdin?.end();
      const timers = [
        setTimeout(() => child.kill('SIGTERM'), child.stdin ? stepMs : 0),
        setTimeout(() => child.kill('SIGKILL'), child.stdin ? stepMs * 2 : stepMs),
      ];
      const exit = await exited;
      for (const timer of timers) clearTimeout(timer);
      return exit;
    },
    kill() {
      asked = true;
      child.kill('SIGKILL');
    },
  };
}
