import { stat } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Logger } from 'pino';
import { z } from 'zod';
import { GatewayError } from '../../domain/errors.ts';
import { startFfmpeg } from '../ffmpeg/process.ts';

export interface Mp4Facts {
  readonly durationMs: number;
  readonly bytes: number;
  readonly frames: number;
}

const probeSchema = z.object({
  format: z.object({ duration: z.string() }),
  streams: z.array(z.object({ nb_frames: z.string().optional() })),
});

/** An index is read in a second; a disk that takes this long for it is none to wait for. */
const PROBE_MS = 60_000;

/** Opens a finished file as a player would and counts what its index holds; throws `bad-media`, `tool-missing`. */
export async function readMp4Facts(file: string, log: Logger): Promise<Mp4Facts> {
  const probe = startFfmpeg({
    binary: 'ffprobe',
    name: 'probe',
    args: ['-v', 'error', '-show_entries', 'format=duration:stream=nb_frames', '-of', 'json', file],
    stdin: 'ignore',
    stdout: 'pipe',
    log,
  });
  const overdue = setTimeout(() => probe.kill(), PROBE_MS);
  const [output, exit] = await Promise.all([probe.stdout ? text(probe.stdout) : '', probe.exited]);
  clearTimeout(overdue);
  if (exit.code !== 0) {
    throw new GatewayError(
      'bad-media',
      `the finished file cannot be opened: ${exit.tail.at(-1) ?? exit.outcome}`,
      {
        blame: 'system',
      },
    );
  }
  const { format, streams } = probeSchema.parse(JSON.parse(output));
  const frames = streams.reduce((sum, stream) => sum + Number(stream.nb_frames ?? 0), 0);
  return { durationMs: Math.round(Number(format.duration) * 1000), bytes: (await stat(file)).size, frames };
}
