import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Publisher {
  readonly child: ChildProcess;
  readonly pid: number;
  stderr(): string;
  /** Ends the stream as an encoder does when its operator presses stop. */
  stop(): Promise<void>;
  /** Dies without a word, as when power is cut. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

/** Publishes a clip in a loop in real time with `ffmpeg -c copy`, and more arguments for the output. */
export function startPublisher(url: string, clip: string, output: readonly string[] = []): Publisher {
  const input = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', clip];
  const child = spawn('ffmpeg', [...input, '-c', 'copy', ...output, '-f', 'flv', url], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-4000);
  });
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  return {
    child,
    pid: child.pid ?? -1,
    stderr: () => stderr,
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  };
}
