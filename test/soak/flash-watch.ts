import type { Box } from '../support/media-checks.ts';

/** A cell of the picture whose flash belongs to a beep of this frequency. */
export interface FlashCell {
  /** In the picture that is watched. */
  readonly box: Box;
  /** A multiple of 200. */
  readonly toneHz: number;
}

export interface SoundOffset {
  /** ms of the programme. */
  readonly atMs: number;
  /** ms by which the beep comes after (below zero: before) its flash. */
  readonly offsetMs: number;
}

/** Watches the flashes and beeps of several inputs while they come; only their offsets are kept. */
export interface FlashWatch {
  /** Gray, one byte a pixel. */
  see(picture: Buffer, ms: number): void;
  /** Mono, 48 kHz. */
  hear(samples: Int16Array, ms: number): void;
  /** Of each cell, in order. */
  readonly offsets: readonly (readonly SoundOffset[])[];
}

export interface FlashWatchOptions {
  readonly width: number;
  readonly cells: readonly FlashCell[];
  /** Height of a beep, of 1. */
  readonly amplitude: number;
}

const SAMPLES_PER_MS = 48;
const WINDOW = 240;
const HALF_WHITE = 128;
/** A flash and a beep take a tenth of a second: whatever rises within it is the same one. */
const SAME_MS = 400;
/** A beep and a flash further apart belong to different seconds. */
const MATCH_MS = 450;

/** Times at which a level rises above a threshold, each but once. */
function createRises(threshold: number) {
  let above = true;
  let last = Number.NEGATIVE_INFINITY;
  return (level: number, ms: number): boolean => {
    const rises = level >= threshold && !above && ms - last > SAME_MS;
    above = level >= threshold;
    if (rises) last = ms;
    return rises;
  };
}

/** Gives the amplitude of one frequency in the window that begins at a sample. */
function createTone(hz: number) {
  const angle = (at: number) => (2 * Math.PI * hz * at) / (SAMPLES_PER_MS * 1000);
  const cos = Float64Array.from({ length: WINDOW }, (_, at) => Math.cos(angle(at)));
  const sin = Float64Array.from({ length: WINDOW }, (_, at) => Math.sin(angle(at)));
  return (samples: Float64Array, from: number): number => {
    let [re, im] = [0, 0];
    for (let at = 0; at < WINDOW; at += 1) {
      const value = samples[from + at] ?? 0;
      re += value * (cos[at] ?? 0);
      im += value * (sin[at] ?? 0);
    }
    return (2 * Math.hypot(re, im)) / WINDOW;
  };
}

/** Puts beeps and flashes of one cell together. */
function createPairs() {
  const offsets: SoundOffset[] = [];
  let flashes: number[] = [];
  let beeps: number[] = [];
  return {
    offsets,
    flash: (ms: number) => flashes.push(ms),
    beep: (ms: number) => beeps.push(ms),
    /** All flashes up to this time are known. */
    settle(seenMs: number) {
      const due = beeps.filter((ms) => ms + MATCH_MS < seenMs);
      if (due.length === 0) return;
      for (const ms of due) {
        const near = flashes.filter((flash) => Math.abs(flash - ms) <= MATCH_MS);
        const nearest = near.sort((a, b) => Math.abs(a - ms) - Math.abs(b - ms))[0];
        if (nearest !== undefined) offsets.push({ atMs: ms, offsetMs: ms - nearest });
      }
      beeps = beeps.filter((ms) => !due.includes(ms));
      flashes = flashes.filter((ms) => ms > seenMs - 10 * MATCH_MS);
    },
  };
}

/** Mean of the middle half of a box. */
function brightness(picture: Buffer, width: number, box: Box): number {
  let [sum, count] = [0, 0];
  for (let y = box.y + Math.floor(box.height / 4); y < box.y + (box.height * 3) / 4; y += 1) {
    for (let x = box.x + Math.floor(box.width / 4); x < box.x + (box.width * 3) / 4; x += 1) {
      sum += picture[y * width + x] ?? 0;
      count += 1;
    }
  }
  return sum / count;
}

export function watchFlashes({ width, cells, amplitude }: FlashWatchOptions): FlashWatch {
  const inputs = cells.map(({ box, toneHz }) => ({
    ...{ box, tone: createTone(toneHz), pairs: createPairs() },
    ...{ flashRises: createRises(HALF_WHITE), beepRises: createRises(amplitude / 2) },
  }));
  let rest = new Float64Array(0);
  let restMs = 0;
  return {
    see(picture, ms) {
      for (const { box, pairs, flashRises } of inputs) {
        if (flashRises(brightness(picture, width, box), ms)) pairs.flash(ms);
        pairs.settle(ms);
      }
    },
    hear(samples, ms) {
      if (rest.length === 0) restMs = ms;
      const joined = new Float64Array(rest.length + samples.length);
      joined.set(rest);
      for (const [index, value] of samples.entries()) joined[rest.length + index] = value / 32_768;
      // The time of what comes in is exact to a ms; what is left over keeps its own.
      const beginsMs = rest.length === 0 ? ms : restMs;
      let at = 0;
      for (; at + WINDOW <= joined.length; at += SAMPLES_PER_MS) {
        const middleMs = beginsMs + (at + WINDOW / 2) / SAMPLES_PER_MS;
        for (const { tone, pairs, beepRises } of inputs)
          if (beepRises(tone(joined, at), middleMs)) pairs.beep(middleMs);
      }
      rest = joined.slice(at);
      restMs = ms + (samples.length - rest.length) / SAMPLES_PER_MS;
    },
    offsets: inputs.map(({ pairs }) => pairs.offsets),
  };
}
