import type { MixEventBody } from '../../../domain/mix-event.ts';

type Changed = Extract<MixEventBody, { type: 'input-changed' }>['what'];

/** What was odd about an input and is put right, told at most once a while for each kind. */
export interface InputReports {
  changed(what: Changed, detail: string): void;
  /** Of one of its two tracks: both may be beyond us. */
  unsupported(track: 'picture' | 'sound', codec: string, reason: string): void;
  damaged(detail: string): void;
}

/** A source that changes all the time is told of once a second. */
const CHANGED_EVERY_MS = 1000;
/** What stays as it is need not be repeated soon. */
const LASTING_EVERY_MS = 10_000;

export interface InputReportsOptions {
  readonly streamId: string;
  readonly onEvent: (event: MixEventBody) => void;
  /** Monotonic ms. */
  readonly now: () => number;
}

export function createInputReports({ streamId, onEvent, now }: InputReportsOptions): InputReports {
  const toldAt = new Map<string, number>();

  function tell(kind: string, everyMs: number, event: MixEventBody): void {
    const nowMs = now();
    if (nowMs - (toldAt.get(kind) ?? Number.NEGATIVE_INFINITY) < everyMs) return;
    toldAt.set(kind, nowMs);
    onEvent(event);
  }

  return {
    changed(what, detail) {
      tell(what, CHANGED_EVERY_MS, { type: 'input-changed', streamId, what, detail });
    },
    unsupported(track, codec, reason) {
      tell(`unsupported ${track}`, LASTING_EVERY_MS, { type: 'input-unsupported', streamId, codec, reason });
    },
    damaged(detail) {
      tell('damaged', LASTING_EVERY_MS, { type: 'input-damaged', streamId, detail });
    },
  };
}
