import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { VideoEncoderChoice } from '../src/domain/encoding.ts';
import type { JobKind } from '../src/domain/job.ts';
import { findEncoders, rememberEncoders } from '../src/media/ffmpeg/capabilities.ts';
import { createNames } from '../src/media/rtmp/names.ts';
import { createTrust } from '../src/media/rtmp/trust.ts';
import { createFinaliseJob } from './finalise.ts';
import { createHlsJob } from './hls.ts';
import type { JobHandler } from './job-context.ts';
import { createMixJob } from './mix.ts';
import { createPushJob } from './push.ts';
import { createRecordJob } from './record.ts';

export interface HandlerOptions {
  /** CIDRs that pictures may come from though they are not public. */
  readonly pictureNetworks: readonly string[];
  readonly videoEncoder: VideoEncoderChoice;
  /** PEM file of authorities that rtmps destinations are trusted by besides the system's. */
  readonly caFile: string | null;
}

/** What a worker can do: one handler per kind of job. Mixes are forked from the built programme entry. */
export function createHandlers(options: HandlerOptions, log: Logger): Record<JobKind, JobHandler> {
  const programmeEntry = fileURLToPath(new URL('../src/media/programme/main.js', import.meta.url));
  return {
    mix: createMixJob({
      programmeEntry,
      pictureNetworks: options.pictureNetworks,
      encoders: rememberEncoders(() => findEncoders(options.videoEncoder, log)),
    }),
    push: createPushJob({ trust: createTrust(options.caFile), lookup: createNames() }),
    record: createRecordJob(),
    hls: createHlsJob(),
    finalise: createFinaliseJob(),
  };
}
