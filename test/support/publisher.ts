import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ClipOptions {
  readonly dir: string;
  readonly name: string;
  /** FFmpeg colour, `0xRRGGBB`. */
  readonly colour: string;
  readonly toneHz: number;
  readonly size?: string;
  readonly fps?: number;
  readonly seconds?: number;
}

/** Encodes a clip of one colour and one tone (GOP 1 s, no B-frames), to be published by copy: it costs no CPU. */
export async function makeClip(options: ClipOptions): Promise<string> {
  const { size = '640x360', fps = 30, seconds = 10 } = options;
  const file = path.join(options.dir, `${options.name}.flv`);
  // noise keeps the encoder from sending empty frames; geq would be slow
  const picture = `color=c=${options.colour}:s=${size}:r=${fps},noise=alls=6:allf=t`;
  await run('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', picture],
    ...['-f', 'lavfi', '-i', `sine=frequency=${options.toneHz}:sample_rate=48000,volume=2`],
    ...['-t', String(seconds), '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...[
      '-tune',
      'zerolatency',
      '-g',
      String(fps),
      '-b:v',
      '400k',
      '-c:a',
      'aac',
      '-b:a',
      '96k',
      '-ac',
      '2',
      file,
    ],
  ]);
  return file;
}

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

/** Publishes a clip in a loop in real time with `ffmpeg -c copy`. */
export function startPublisher(url: string, clip: string): Publisher {
  const input = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', clip];
  const child = spawn('ffmpeg', [...input, '-c', 'copy', '-f', 'flv', url], {
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
