import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ChildAttempt } from '../supervisor/child-loop.ts';

const POLL_MS = 50;
const POLL_TIMEOUT_MS = 1000;

/**
 * Runs redis-server until it ends, or until our end of the pipe on stdin closes, however we die: then SIGTERM,
 * and SIGKILL after 8 s. `read` is a builtin, so nothing but the shell itself waits.
 */
const KEEPER = `
exec 3<&0
"$SERVER" "$1" </dev/null 3<&- & server=$!
(
  while read -r _; do :; done <&3
  kill -TERM "$server"
  n=0
  while kill -0 "$server" && [ "$n" -lt 80 ]; do sleep 0.1; n=$((n+1)); done
  kill -KILL "$server"
) 2>/dev/null & watch=$!
exec 3<&-
wait "$server"; code=$?
kill -KILL "$watch" 2>/dev/null
exit "$code"
`;

export interface RedisProcessOptions {
  readonly configPath: string;
  readonly port: number;
  readonly password: string;
  readonly log: Logger;
}

/** One run of redis-server with that config file; ready when it answers PING, its data loaded. */
export function startRedisProcess(options: RedisProcessOptions): ChildAttempt {
  const child = spawn('sh', ['-c', KEEPER, 'keeper', options.configPath], {
    detached: true, // Ctrl-C on a terminal must not end Redis before those who use it
    // The server's name is not in the shell's own command line, so that `ps` shows one redis-server.
    env: { PATH: process.env['PATH'], SERVER: 'redis-server' },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // EPIPE after the child's end says nothing new
  child.stderr.on('data', (chunk: Buffer) =>
    options.log.warn({ text: chunk.toString('utf8').slice(0, 500) }, 'redis'),
  );
  const over = new AbortController();
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(explain(code, signal, options.configPath)));
  }).finally(() => over.abort());
  const pid = child.pid ?? 0;
  return {
    pid,
    ready: untilAnswers(options, over.signal),
    ended,
    terminate: () => child.stdin.end(),
    // The shell and the server are one process group of their own.
    kill: () => killGroup(pid),
  };
}

function killGroup(pid: number): void {
  if (pid === 0) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // the group is gone already
  }
}

function explain(code: number | null, signal: string | null, configPath: string): string {
  if (code === 127) return 'redis-server is not installed';
  if (signal !== null) return `signal ${signal}`;
  return code === 0 ? `exit code 0` : `exit code ${code}, see redis.log beside ${configPath}`;
}

async function untilAnswers(options: RedisProcessOptions, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    if (await answersPing(options)) return;
    await delay(POLL_MS);
  }
  await new Promise(() => undefined); // never ready: `ended` tells
}

function answersPing(options: RedisProcessOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(options.port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(POLL_TIMEOUT_MS, () => socket.destroy());
    socket.on('connect', () => socket.write(`AUTH ${options.password}\r\nPING\r\n`));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('utf8');
      // While it loads its data every command is answered with -LOADING.
      if (answer.includes('+PONG')) resolve(true);
      if (answer.includes('+PONG') || answer.includes('-')) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(false));
  });
}
