import type { TargetState, TargetStatus } from '../../domain/job.ts';
import { createRateMeter } from './rate-meter.ts';
import type { TargetSession } from './target-session.ts';
import { isOnAir } from './target-state.ts';

type Figures = Pick<
  TargetStatus,
  'bytes' | 'kbps' | 'takenBy' | 'lagMs' | 'droppedFrames' | 'connectedAt' | 'sessions' | 'onAirMs'
>;

/** What a target's sessions amount to, one after the other. */
export interface TargetFigures {
  opened(session: TargetSession): void;
  /** The session's counts are kept. */
  closed(): void;
  /** The target is in this state from now on. */
  moved(to: TargetState): void;
  /** Call it a few times a second while a session is open. */
  check(nowMs: number): void;
  kbps(): number;
  /** Times are Unix ms. */
  read(nowMs: number): Figures;
}

export function createTargetFigures(): TargetFigures {
  const rate = createRateMeter();
  let session: TargetSession | null = null;
  let connectedAt: number | null = null;
  let onAirSince: number | null = null;
  let sessions = 0;
  let pastBytes = 0;
  let pastDropped = 0;
  let pastOnAirMs = 0;

  return {
    opened(next) {
      session = next;
      sessions += 1;
      connectedAt = Date.now();
    },
    closed() {
      pastBytes += session?.takenBytes() ?? 0;
      pastDropped += session?.droppedFrames() ?? 0;
      session = null;
      connectedAt = null;
      rate.clear();
    },
    moved(to) {
      if (isOnAir(to)) {
        onAirSince ??= Date.now();
        return;
      }
      if (onAirSince !== null) pastOnAirMs += Date.now() - onAirSince;
      onAirSince = null;
    },
    check(nowMs) {
      if (session) rate.update(session.takenBytes(), nowMs);
    },
    kbps: rate.kbps,
    read: (nowMs) => ({
      bytes: pastBytes + (session?.takenBytes() ?? 0),
      kbps: rate.kbps(),
      takenBy: session?.takenBy() ?? null,
      lagMs: session?.lagMs() ?? 0,
      droppedFrames: pastDropped + (session?.droppedFrames() ?? 0),
      connectedAt,
      sessions,
      onAirMs: pastOnAirMs + (onAirSince === null ? 0 : nowMs - onAirSince),
    }),
  };
}
