import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../src/domain/programme.ts';
import type { Encoders } from '../../src/media/ffmpeg/capabilities.ts';
import { createFlvParser } from '../../src/media/flv/parser.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { readFlv } from './clip.ts';
import { eventually } from './eventually.ts';
import { type NginxRtmp, startNginxRtmp } from './nginx-rtmp.ts';
import { startToldProgramme, type ToldProgramme } from './told-programme.ts';

/** Small and quick: the machine of a test run has other things to do. */
export const SMALL_PROGRAMME = {
  ...DEFAULT_PROGRAMME,
  video: { width: 640, height: 360, fps: 30, bitrateKbps: 800, gopSeconds: 1 },
} as const satisfies ProgrammeSpec;

/** A programme that is published to nginx-rtmp, which records what it receives. */
export interface ProgrammeRig extends ToldProgramme {
  readonly nginx: NginxRtmp;
  /** What nginx has received so far. */
  received(): Promise<readonly FlvTag[]>;
  /** Resolves when this much more of the programme was received. */
  pass(ms: number): Promise<void>;
  recording(): Promise<string>;
  /** A copy of it up to the last whole tag: FFmpeg takes what nginx is about to write for damage. */
  wholeRecording(): Promise<string>;
}

export async function startProgrammeRig(
  spec: ProgrammeSpec = SMALL_PROGRAMME,
  encoders?: Encoders,
): Promise<ProgrammeRig> {
  const nginx = await startNginxRtmp({ applications: ['live'], record: true });
  const programme = await startToldProgramme(nginx.rtmpUrl('live', 'mix'), spec, encoders);
  const recording = async (): Promise<string> => {
    const file = (await readdir(nginx.recordingDir)).find((name) => name.endsWith('.flv'));
    if (file === undefined) throw new Error('nginx has recorded nothing');
    return path.join(nginx.recordingDir, file);
  };
  const received = async (): Promise<readonly FlvTag[]> => readFlv(await recording());
  const wholeRecording = async (): Promise<string> => {
    const file = await recording();
    const bytes = await readFile(file);
    const parser = createFlvParser({ onTag: () => undefined });
    parser.push(bytes);
    await writeFile(`${file}.whole`, bytes.subarray(0, parser.wholeBytes()));
    return `${file}.whole`;
  };
  const lastMs = async (): Promise<number> => (await received()).at(-1)?.timestamp ?? 0;
  return {
    ...programme,
    nginx,
    received,
    recording,
    wholeRecording,
    async pass(ms) {
      const from = await lastMs();
      await eventually(async () => (await lastMs()) >= from + ms, ms + 30_000, 100);
    },
    async close() {
      await programme.close();
      await nginx.stop();
    },
  };
}
