import type { z } from 'zod';
import type { relayAnswer } from '../../src/api/operator/schemas.ts';
import type { TargetState } from '../../src/domain/job.ts';
import type { RunningRoomcast } from './roomcast.ts';

export type ShownTarget = z.output<typeof relayAnswer>['targets'][number];

/** A target as it was shown from `at` on, Unix ms. */
export interface Look {
  readonly at: number;
  readonly target: ShownTarget;
}

/** Looks at a relay's targets through the API, a few times a second. */
export interface TargetWatch {
  /** Every look at the target of that port, in order. */
  looks(port: number): readonly Look[];
  now(port: number): ShownTarget;
  /** When it was first seen in another state than these after that time; null when it was not. */
  left(port: number, states: readonly TargetState[], after: number): number | null;
  /** What was seen of it from a while before that time on, for messages of tests. */
  story(port: number, around: number): string;
  stop(): void;
}

const STORY_FROM_MS = -2000;
const STORY_TO_MS = 25_000;

const LOOK_EVERY_MS = 250;

/** Targets are told apart by the ports of their URLs. */
export function watchTargets(roomcast: RunningRoomcast, taskId: string): TargetWatch {
  const seen = new Map<number, Look[]>();
  let isLooking = false;

  async function look(): Promise<void> {
    const headers = { authorization: `Bearer ${roomcast.adminToken}` };
    const answer = await fetch(`${roomcast.http}/api/v1/relays/${taskId}`, { headers });
    const { targets } = (await answer.json()) as { targets: ShownTarget[] };
    const at = Date.now();
    for (const target of targets) {
      const port = Number(new URL(target.url.replace(/^rtmps?/, 'http')).port);
      seen.set(port, [...(seen.get(port) ?? []), { at, target }]);
    }
  }

  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch(() => undefined) // the gateway is busy: the next look tells
      .finally(() => {
        isLooking = false;
      });
  }, LOOK_EVERY_MS);
  const looks = (port: number) => seen.get(port) ?? [];
  return {
    looks,
    now(port) {
      const last = looks(port).at(-1);
      if (!last) throw new Error(`no target at port ${port} was seen yet`);
      return last.target;
    },
    left: (port, states, after) =>
      looks(port).find(({ at, target }) => at >= after && !states.includes(target.state))?.at ?? null,
    story: (port, around) =>
      looks(port)
        .filter(({ at }) => at > around + STORY_FROM_MS && at < around + STORY_TO_MS)
        .map(({ at, target: { state, lagMs, bytes, takenBy } }) =>
          [`${at - around} ms`, state, `lag ${lagMs}`, bytes, takenBy].join(' '),
        )
        .join(', '),
    stop: () => clearInterval(timer),
  };
}
