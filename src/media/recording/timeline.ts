import { compositionTime, type FlvTag } from '../flv/tag.ts';

/** A step of a track's own timestamps beyond this is no step of one and the same clock. */
const JUMP_MS = 1000;
/** A track that shows up this far from the wall clock counts from another zero. */
const FAR_MS = 5000;
/** After an interruption the same source is recognised when its clock still fits this closely. */
const SAME_SOURCE_MS = 1500;

interface TrackState {
  readonly source: number;
  readonly wallMs: number;
  readonly outMs: number;
}

/** Where to go on. */
export interface TimelineStart {
  /** Unix ms of time 0, or null: the first tag sets it. */
  readonly startedAtMs: number | null;
  /** Last time already used. */
  readonly lastMs: number;
  /** Time minus the source's timestamp when it was last seen, to recognise that source; null for none. */
  readonly sourceOffsetMs: number | null;
}

export const NEW_TIMELINE: TimelineStart = { startedAtMs: null, lastMs: 0, sourceOffsetMs: null };

/** When a tag was live, and whether it came from a cache (and so may have been seen before). */
export interface Arrival {
  readonly wallMs: number;
  readonly cached: boolean;
}

/**
 * Puts tags of a live source on one timeline that starts at 0 and never goes back: the source's clock
 * while it is steady, the wall clock where it jumps, restarts or was away.
 */
export class Timeline {
  #startedAtMs: number | null;
  #offset: number | null = null;
  /** The source's last timestamp, with wraps of 32 bit taken out. */
  #source = 0;
  #lastMs: number;
  #lastPtsMs: number;
  /** How far the source's clock was behind the wall clock. */
  #latenessMs = 0;
  /** Of an earlier run: cached tags up to here are known already. */
  #resumedMs: number | null = null;
  #interrupted = false;
  readonly #tracks = new Map<number, TrackState>();

  constructor(start: TimelineStart) {
    this.#startedAtMs = start.startedAtMs;
    this.#lastMs = start.lastMs;
    this.#lastPtsMs = start.startedAtMs === null ? -1 : start.lastMs;
    if (start.startedAtMs === null || start.sourceOffsetMs === null) return;
    this.#offset = start.sourceOffsetMs;
    this.#source = start.lastMs - start.sourceOffsetMs;
    this.#resumedMs = start.lastMs;
    this.#interrupted = true;
  }

  /** Unix ms of time 0; null before the first tag. */
  get startedAtMs(): number | null {
    return this.#startedAtMs;
  }

  get lastMs(): number {
    return this.#lastMs;
  }

  /** For the TimelineStart of a later run. */
  get sourceOffsetMs(): number | null {
    return this.#offset;
  }

  /** The next tag may be of another source, however near its timestamp is. */
  interrupt(): void {
    this.#interrupted = true;
  }

  /** The tag's time in ms, or null for a cached one that was already taken. */
  place(tag: FlvTag, arrival: Arrival): number | null {
    this.#startedAtMs ??= arrival.wallMs;
    const wallOutMs = arrival.wallMs - this.#startedAtMs;
    const source = this.#source + ((tag.timestamp - this.#source) | 0);
    if (!this.#goesOn(tag, source, arrival, wallOutMs)) this.#anchor(source, wallOutMs);
    const placedMs = source + (this.#offset ?? 0);
    const takenMs = this.#tracks.get(tag.type)?.outMs ?? this.#resumedMs;
    if (arrival.cached && takenMs !== null && placedMs <= takenMs) return null;
    return this.#keep(
      tag,
      { source, wallMs: arrival.wallMs, outMs: Math.max(placedMs, takenMs ?? 0, 0) },
      arrival,
    );
  }

  #goesOn(tag: FlvTag, source: number, arrival: Arrival, wallOutMs: number): boolean {
    if (this.#offset === null) return false;
    const latenessMs = wallOutMs - (source + this.#offset);
    if (arrival.cached || this.#interrupted) return Math.abs(latenessMs - this.#latenessMs) < SAME_SOURCE_MS;
    const track = this.#tracks.get(tag.type);
    if (!track) return Math.abs(latenessMs) <= FAR_MS;
    const step = source - track.source;
    return step >= -JUMP_MS && (step <= JUMP_MS || step - (arrival.wallMs - track.wallMs) <= JUMP_MS);
  }

  #anchor(source: number, wallOutMs: number): void {
    const outMs = Math.max(wallOutMs, this.#lastPtsMs + 1);
    this.#offset = outMs - source;
    this.#latenessMs = wallOutMs - outMs;
    this.#resumedMs = null;
    this.#tracks.clear();
  }

  #keep(tag: FlvTag, state: TrackState, arrival: Arrival): number {
    this.#interrupted = false;
    this.#source = state.source;
    this.#tracks.set(tag.type, state);
    this.#lastMs = Math.max(this.#lastMs, state.outMs);
    this.#lastPtsMs = Math.max(this.#lastPtsMs, state.outMs + compositionTime(tag));
    if (!arrival.cached) this.#latenessMs = arrival.wallMs - (this.#startedAtMs ?? 0) - state.outMs;
    return state.outMs;
  }
}
