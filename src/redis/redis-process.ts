import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ChildAttempt } from '../supervisor/child-loop.ts';
import { killKept, spawnKept } from '../supervisor/kept-child.ts';

const POLL_MS = 50;
const POLL_TIMEOUT_MS = 1000;

export interface RedisProcessOptions {
  readonly configPath: string;
  readonly port: number;
  readonly password: string;
  readonly log: Logger;
}

/** One run of redis-server with that config file; ready when it answers PING, its data loaded. */
export function startRedisProcess(options: RedisProcessOptions): ChildAttempt {
  const child = spawnKept('redis-server', [options.configPath]);
  child.stderr.on('data', (chunk: Buffer) =>
    options.log.warn({ text: chunk.toString('utf8').slice(0, 500) }, 'redis'),
  );
  const over = new AbortController();
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(explain(code, signal, options.configPath)));
  }).finally(() => over.abort());
  return {
    pid: child.pid ?? 0,
    ready: untilAnswers(options, over.signal),
    ended,
    terminate: () => child.stdin.end(),
    kill: () => killKept(child),
  };
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
