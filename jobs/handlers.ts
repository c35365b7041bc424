import { fileURLToPath } from 'node:url';
import type { JobKind } from '../src/domain/job.ts';
import { createFinaliseJob } from './finalise.ts';
import { createHlsJob } from './hls.ts';
import type { JobHandler } from './job-context.ts';
import { createMixJob } from './mix.ts';
import { createPushJob } from './push.ts';
import { createRecordJob } from './record.ts';

export interface HandlerOptions {
  /** CIDRs that pictures may come from though they are not public. */
  readonly pictureNetworks: readonly string[];
}

/** What a worker can do: one handler per kind of job. Mixes are forked from the built programme entry. */
export function createHandlers({ pictureNetworks }: HandlerOptions): Record<JobKind, JobHandler> {
  const programmeEntry = fileURLToPath(new URL('../src/media/programme/main.js', import.meta.url));
  return {
    mix: createMixJob({ programmeEntry, pictureNetworks }),
    push: createPushJob(),
    record: createRecordJob(),
    hls: createHlsJob(),
    finalise: createFinaliseJob(),
  };
}
