import type { z } from 'zod';
import type { MixStatus } from '../../domain/job.ts';
import type { MixEvent } from '../../domain/mix-event.ts';
import type { shownMixAnswer } from './schemas.ts';

/** The mix of a task as callers see it. */
export function mixView(
  status: MixStatus | null,
  events: readonly MixEvent[],
): z.input<typeof shownMixAnswer> {
  return {
    state: status?.state ?? 'waiting',
    inputs: (status?.inputs ?? []).map((input) => ({
      streamId: input.streamId,
      userId: input.userId,
      stream: input.stream,
      state: input.state,
      width: input.width,
      height: input.height,
      hasAudio: input.hasAudio,
      volume: input.volume,
    })),
    encoder: status && {
      starts: status.encoderStarts,
      framesOut: status.framesOut,
      framesDropped: status.framesDropped,
      lateTicks: status.lateTicks,
    },
    overloaded: status?.overloaded ?? null,
    process: status && { pid: status.pid, cpuSeconds: status.cpuSeconds, rssBytes: status.rssBytes },
    events: events.flatMap((event) => (event.type === 'speaking' ? [] : [{ ...event }])),
  };
}
