import { SAMPLE_RATE } from './clock.ts';
import type { PcmRing } from './pcm-ring.ts';

/** Reads one input's sound in the programme's time: fades where it begins or breaks off, takes out drift. */
export interface AudioFeed {
  /** Adds `count` samples for the timeline place `target` to `out`; `last` fades out for good. */
  mixInto(out: Float32Array, count: number, target: number | null, last: boolean): void;
  readonly isSounding: boolean;
}

const FADE = SAMPLE_RATE / 100;
/** Off by more than this, 10 ms are skipped or repeated. */
const DRIFT_TOLERANCE = SAMPLE_RATE / 50;
const DRIFT_STEP = SAMPLE_RATE / 100;
/** Off by more than this it is no drift: go there at once. */
const JUMP = SAMPLE_RATE / 5;
/** What must be there before silence ends, so that it does not break off again at once. */
const START_RESERVE = SAMPLE_RATE / 50;

export function createAudioFeed(ring: PcmRing): AudioFeed {
  let position = 0;
  let sounding = false;

  /** Where reading should go on from, given where it should be. */
  function corrected(target: number): number {
    const drift = target - position;
    if (Math.abs(drift) > JUMP) return target;
    if (drift > DRIFT_TOLERANCE) return position + DRIFT_STEP;
    if (drift < -DRIFT_TOLERANCE) return position - DRIFT_STEP;
    return position;
  }

  function fadeOut(out: Float32Array, count: number): void {
    const length = Math.max(0, Math.min(FADE, count, ring.end - position));
    ring.mix(position, length, out, 0, 1, 0);
    sounding = false;
  }

  function start(out: Float32Array, count: number, target: number): void {
    if (ring.end - target < count + START_RESERVE) return;
    const fade = Math.min(FADE, count);
    ring.mix(target, fade, out, 0, 0, 1);
    ring.mix(target + fade, count - fade, out, fade, 1, 1);
    position = target + count;
    sounding = true;
  }

  function go(out: Float32Array, count: number, target: number): void {
    const next = corrected(target);
    if (ring.end - next < count) {
      // It breaks off within this block: what there is, faded out at its end.
      const left = Math.max(0, ring.end - position);
      const plain = Math.max(0, Math.min(left, count) - FADE);
      ring.mix(position, plain, out, 0, 1, 1);
      ring.mix(position + plain, Math.min(left, count) - plain, out, plain, 1, 0);
      sounding = false;
      return;
    }
    if (next === position) ring.mix(position, count, out, 0, 1, 1);
    else {
      const fade = Math.min(FADE, count);
      ring.mix(position, fade, out, 0, 1, 0);
      ring.mix(next, fade, out, 0, 0, 1);
      ring.mix(next + fade, count - fade, out, fade, 1, 1);
    }
    position = next + count;
  }

  return {
    get isSounding() {
      return sounding;
    },
    mixInto(out, count, target, last) {
      const wanted = target === null ? null : Math.round(target);
      if (wanted === null || last) {
        if (sounding) fadeOut(out, count);
      } else if (sounding) go(out, count, wanted);
      else start(out, count, wanted);
    },
  };
}
