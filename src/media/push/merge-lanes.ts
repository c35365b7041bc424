import type { FlvTag } from '../flv/tag.ts';
import { createMergeWindow, type MergeWindow, type TagWindow } from './merge-window.ts';

/** Who takes the windows of a lane. */
export interface WindowTaker {
  write(window: TagWindow): void;
}

/** The targets of one push run by the length of their merge window: each length is gathered once. */
export interface MergeLanes {
  push(tag: FlvTag): void;
  /** What was pushed last came at once and had been gathered for mergeMs: who waits no longer than that gets it. */
  cameGathered(mergeMs: number): void;
  /** Gives away what is gathered, so that nothing older follows. */
  flush(): void;
  add(taker: WindowTaker, mergeMs: number): void;
  /** What was gathered for the taker has been given to it. */
  remove(taker: WindowTaker): void;
  /** To another length, at a boundary of both: the taker misses nothing and gets nothing twice. */
  move(taker: WindowTaker, mergeMs: number): void;
  /** Tags gathered for targets of this length. */
  gathered(mergeMs: number): number;
  /** The newest so many tags are all that is gathered for any target. */
  mostGathered(): number;
  /** Forgets the targets and what is gathered. */
  clear(): void;
}

interface Lane {
  readonly window: MergeWindow;
  readonly takers: Set<WindowTaker>;
}

export function createMergeLanes(): MergeLanes {
  const lanes = new Map<number, Lane>();
  let gatheredMs = 0;

  function laneOf(mergeMs: number): Lane {
    const known = lanes.get(mergeMs);
    if (known) return known;
    const takers = new Set<WindowTaker>();
    const onWindow = (window: TagWindow) => {
      for (const taker of takers) taker.write(window);
    };
    const lane: Lane = {
      window: createMergeWindow({ mergeMs, gatheredMs: () => gatheredMs, onWindow }),
      takers,
    };
    lanes.set(mergeMs, lane);
    return lane;
  }

  function remove(taker: WindowTaker): void {
    for (const [mergeMs, lane] of lanes) {
      if (!lane.takers.has(taker)) continue;
      lane.window.flush();
      lane.takers.delete(taker);
      if (lane.takers.size === 0) lanes.delete(mergeMs);
    }
  }

  return {
    push(tag) {
      for (const lane of lanes.values()) lane.window.push(tag);
    },
    cameGathered(mergeMs) {
      gatheredMs = mergeMs;
      for (const [wantedMs, { window }] of lanes) {
        if (wantedMs <= mergeMs) window.flush();
        else window.settle();
      }
    },
    flush() {
      for (const lane of lanes.values()) lane.window.flush();
    },
    add: (taker, mergeMs) => void laneOf(mergeMs).takers.add(taker),
    remove,
    move(taker, mergeMs) {
      remove(taker);
      const lane = laneOf(mergeMs);
      lane.window.flush();
      lane.takers.add(taker);
    },
    gathered: (mergeMs) => lanes.get(mergeMs)?.window.gathered() ?? 0,
    mostGathered: () => Math.max(0, ...Array.from(lanes.values(), (lane) => lane.window.gathered())),
    clear() {
      for (const lane of lanes.values()) {
        lane.takers.clear();
        lane.window.flush();
      }
      lanes.clear();
    },
  };
}
