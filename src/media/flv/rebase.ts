import { type FlvTag, isMedia, TAG_VIDEO } from './tag.ts';

export interface RebaserOptions {
  /** Output time of the first tag in ms; 0 by default. */
  readonly baseMs?: number;
  /** What a jump leaves in the output: about one frame, or the wall-clock time that passed. */
  readonly gap?: 'frame' | 'elapsed';
  /** Monotonic ms, needed for `elapsed`. */
  readonly now?: () => number;
  /** Told of every discontinuity that was closed. */
  readonly onJump?: (jump: TimestampJump) => void;
}

export interface TimestampJump {
  /** Where the output was, and where it goes on, ms. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What the source's timestamps did, ms; null for what was announced as another timeline. */
  readonly stepMs: number | null;
}

export interface Rebaser {
  /** The tag on the output timeline; within a track output never goes back. Headers and script data
   * often carry time 0 and take the time of the last frame. */
  rebase(tag: FlvTag): FlvTag;
  /** The next tag belongs to another timeline, however near its timestamp is. */
  discontinuity(): void;
  /** The latest output time in ms (wraps like every FLV time), or null before the first tag. */
  lastMs(): number | null;
}

/** A larger step between neighbouring tags, forward or back, is another timeline. */
const JUMP_MS = 1000;
const DEFAULT_FRAME_MS = 33;
const MAX_FRAME_MS = 100;

interface Track {
  source: number;
  /** Not wrapped. */
  out: number;
}

/** Signed distance of two unsigned 32 bit timestamps: a wrap is a small step. */
export function timestampStep(from: number, to: number): number {
  return (to - from) | 0;
}

/** Maps source timestamps to one continuous timeline, one offset for both tracks. */
export function createRebaser(options: RebaserOptions = {}): Rebaser {
  const now = options.now ?? (() => 0);
  let tracks = new Map<number, Track>();
  const floors = new Map<number, number>();
  let last: number | null = null;
  let lastSource = 0;
  let lastArrival = 0;
  let frameMs = DEFAULT_FRAME_MS;
  let broken = false;

  function reference(tag: FlvTag): Track | null {
    if (broken) return null;
    let best: Track | null = null;
    for (const track of tracks.values()) {
      const step = Math.abs(timestampStep(track.source, tag.timestamp));
      // A track that paused may come back beside the other one: the nearest decides.
      if (step <= JUMP_MS && (!best || step < Math.abs(timestampStep(best.source, tag.timestamp))))
        best = track;
    }
    return best;
  }

  function startSegment(tag: FlvTag): number {
    if (last === null) return options.baseMs ?? 0;
    const waited = options.gap === 'elapsed' ? now() - lastArrival : 0;
    const next = last + Math.max(frameMs, Math.round(waited));
    const stepMs = broken ? null : timestampStep(lastSource, tag.timestamp);
    options.onJump?.({ fromMs: last, toMs: next, stepMs });
    return next;
  }

  function place(tag: FlvTag): number {
    const near = reference(tag);
    const out = near ? near.out + timestampStep(near.source, tag.timestamp) : startSegment(tag);
    if (!near) tracks = new Map();
    broken = false;
    const own = tracks.get(tag.type);
    if (own && tag.type === TAG_VIDEO) {
      const step = timestampStep(own.source, tag.timestamp);
      if (step > 0 && step <= MAX_FRAME_MS) frameMs = step;
    }
    // The track keeps its true place, so one late tag bends the output only where it stands.
    tracks.set(tag.type, { source: tag.timestamp, out });
    return out;
  }

  return {
    rebase(tag) {
      if (!isMedia(tag)) return { ...tag, timestamp: wrap32(last ?? options.baseMs ?? 0) };
      const placed = place(tag);
      const out = Math.max(placed, floors.get(tag.type) ?? options.baseMs ?? 0);
      floors.set(tag.type, out);
      last = Math.max(last ?? out, out);
      lastSource = tag.timestamp;
      lastArrival = now();
      return { type: tag.type, timestamp: wrap32(out), data: tag.data };
    },
    discontinuity() {
      broken = true;
    },
    lastMs: () => (last === null ? null : wrap32(last)),
  };
}

function wrap32(ms: number): number {
  return ms % 2 ** 32;
}
