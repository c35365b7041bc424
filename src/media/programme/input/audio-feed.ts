import { volumeOf } from '../../../domain/sound.ts';
import { CHANNELS, SAMPLE_RATE } from '../clock.ts';
import { createLevelMeter } from './level-meter.ts';
import type { PcmRing } from './pcm-ring.ts';

/** Reads one input's sound in the programme's time: fades where it begins or breaks off, takes out drift. */
export interface AudioFeed {
  /** Adds `count` samples for the timeline place `target` to `out`; `last` fades out for good. */
  mixInto(out: Float32Array, count: number, target: number | null, last: boolean): void;
  readonly isSounding: boolean;
  /** How loud it is mixed, 0 to 1; a change while it sounds is a short fade. */
  gain: number;
  /** How loud it was since the last call, 0 to 100, whatever its gain. */
  takeVolume(): number;
}

const FADE = SAMPLE_RATE / 100;
/** A change of gain takes 15 ms. */
const GAIN_FADE = (SAMPLE_RATE * 15) / 1000;
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
  let own = new Float32Array(0);
  const meter = createLevelMeter();
  let wantedGain = 1;
  let gain = 1;
  let gainStep = 0;
  let gainLeft = 0;

  /** Zeroed room for this input's samples before its gain. */
  function roomFor(count: number): Float32Array {
    if (own.length < count * CHANNELS) own = new Float32Array(count * CHANNELS);
    return own.fill(0, 0, count * CHANNELS);
  }

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

  function read(out: Float32Array, count: number, target: number | null): void {
    if (target === null) fadeOut(out, count);
    else if (sounding) go(out, count, target);
    else start(out, count, target);
  }

  /** Adds samples with a gain on its way to the wanted one; returns how many. */
  function pourFading(from: Float32Array, out: Float32Array, count: number): number {
    const fading = Math.min(gainLeft, count);
    for (let at = 0; at < fading * CHANNELS; at += CHANNELS) {
      gain += gainStep;
      out[at] = (out[at] ?? 0) + (from[at] ?? 0) * gain;
      out[at + 1] = (out[at + 1] ?? 0) + (from[at + 1] ?? 0) * gain;
    }
    gainLeft -= fading;
    if (gainLeft === 0) gain = wantedGain;
    return fading;
  }

  function pour(from: Float32Array, out: Float32Array, count: number): void {
    const faded = pourFading(from, out, count);
    let power = 0;
    const now = gain;
    for (let at = 0; at < count * CHANNELS; at++) {
      const value = from[at] ?? 0;
      power += value * value;
      if (at >= faded * CHANNELS) out[at] = (out[at] ?? 0) + value * now;
    }
    meter.add(power, count);
  }

  return {
    get isSounding() {
      return sounding;
    },
    get gain() {
      return wantedGain;
    },
    set gain(wanted) {
      if (wanted === wantedGain) return;
      wantedGain = wanted;
      gainLeft = sounding ? GAIN_FADE : 0;
      gainStep = (wanted - gain) / GAIN_FADE;
      if (!sounding) gain = wanted;
    },
    takeVolume: () => volumeOf(meter.take()),
    mixInto(out, count, target, last) {
      const wanted = target === null || last ? null : Math.round(target);
      const before = sounding;
      const room = roomFor(count);
      if (sounding || wanted !== null) read(room, count, wanted);
      if (before || sounding) pour(room, out, count);
      else meter.add(0, count);
    },
  };
}
