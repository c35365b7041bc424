import { fork } from 'node:child_process';
import type { ChildAttempt } from './child-loop.ts';
import { deferred } from './deferred.ts';

export interface RoleProcessOptions {
  /** Path of the built src/main. */
  readonly script: string;
  readonly role: 'gateway' | 'worker';
  /** The child's whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly onMessage: (message: unknown) => void;
}

export interface RoleProcess extends ChildAttempt {
  send(message: unknown): void;
}

function isReady(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}

/**
 * Starts `roomcast gateway` or `roomcast worker` as our child. It has a process group of its own, so that
 * Ctrl-C reaches the supervisor alone, and ends when the IPC channel closes, however we die.
 */
export function startRoleProcess(options: RoleProcessOptions): RoleProcess {
  const child = fork(options.script, [options.role, '--json'], {
    env: options.env,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ready = deferred<void>();
  child.on('message', (message) => {
    options.onMessage(message);
    if (isReady(message)) ready.resolve();
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  return {
    pid: child.pid ?? 0,
    ready: ready.promise,
    ended,
    terminate: () => child.kill('SIGTERM'),
    kill: () => child.kill('SIGKILL'),
    send: (message) => {
      // The channel may close between our look and the write; the child's end is handled elsewhere.
      if (child.connected) child.send(message as object, () => undefined);
    },
  };
}
