import type { RecordingVerdict } from '../../domain/task.ts';
import type { JournalGap } from './journal-plan.ts';

export interface VerdictInput {
  /** Frames found in the finished file, and frames that were to be in it. */
  readonly framesFound: number;
  readonly framesWanted: number;
  readonly durationMs: number;
  readonly gaps: readonly JournalGap[];
  /** The journal it was made of still had its checksum. */
  readonly intact: boolean;
}

/** Judges one finished file: playable when every frame is in it, as it was received, and how much is missing between. */
export function judgeFile(input: VerdictInput): RecordingVerdict {
  const lostMs = input.gaps.reduce((sum, gap) => sum + gap.durationMs, 0);
  const complete = input.framesFound > 0 && input.framesFound === input.framesWanted;
  return {
    playable: complete && input.durationMs > 0 && input.intact,
    gaps: input.gaps.length,
    secondsLost: Math.round(lostMs / 100) / 10,
  };
}
