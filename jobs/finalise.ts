import { toGatewayError } from '../src/domain/errors.ts';
import type { RecordingResult } from '../src/domain/task.ts';
import { finaliseRecording } from '../src/media/recording/finalise.ts';
import { recordingDir } from '../src/media/recording/journal-facts.ts';
import type { JobContext, JobHandler } from './job-context.ts';

export interface FinaliseJobDeps {
  readonly finalise?: typeof finaliseRecording;
}

async function makeFiles(context: JobContext, finalise: typeof finaliseRecording): Promise<RecordingResult> {
  const taskId = context.job.id;
  const dir = recordingDir(context.dataDir, taskId);
  try {
    return await finalise({ dir, taskId, log: context.log, signal: context.signal });
  } catch (error) {
    if (context.signal.aborted) throw error;
    const failure = toGatewayError(error);
    context.log.error({ err: error }, 'the files of a recording could not be made');
    return { taskId, state: 'failed', onAirMs: 0, files: [], error: failure.message };
  }
}

/** Makes the files of a recording that is over. The journal goes only when they are there and checked. */
export function createFinaliseJob(deps: FinaliseJobDeps = {}): JobHandler {
  const finalise = deps.finalise ?? finaliseRecording;
  return async (context) => {
    context.report({ kind: 'finalise', state: 'running' });
    try {
      const result = await makeFiles(context, finalise);
      await context.facts.saveRecording(result);
      return { result: 'done' };
    } catch (error) {
      // Stopped in the middle: the journal is whole, a later run begins anew.
      if (context.signal.aborted) return { result: 'stopped' };
      throw error;
    }
  };
}
