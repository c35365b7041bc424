import type { RecordingVerdict } from '../../domain/task.ts';
import type { JournalGap } from './journal-plan.ts';

export interface VerdictInput {
  /** Frames found in the finished file, and frames that were to be in it. */
  readonly framesFound: number;
  readonly framesWanted: number;
  readonly durationMs: number;
  readonly gaps: readonly JournalGap[];
}

/** Judges one finished file: playable when every frame that was to be in it is, and how much is missing between. */
export function judgeFile(input: VerdictInput): RecordingVerdict {
  const lostMs = input.gaps.reduce((sum, gap) => sum + gap.durationMs, 0);
  return {
    playable: input.framesFound > 0 && input.framesFound === input.framesWanted && input.durationMs > 0,
    gaps: input.gaps.length,
    secondsLost: Math.round(lostMs / 100) / 10,
  };
}
