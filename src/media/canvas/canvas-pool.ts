/** Canvases on their way to the encoder and back; what is not needed in normal work is not kept. */
export interface CanvasPool<T> {
  /** null: the encoder has as many as it may be behind. */
  take(): T | null;
  giveBack(canvas: T): void;
}

/** How far the encoder may be behind: a busy machine is made up for without a gap, and memory stays bounded. */
const MAX_BEHIND_SECONDS = 2;
export const MAX_WAITING_BYTES = 128 * 1024 * 1024;
const MIN_CANVASES = 4;
/** Enough while the encoder keeps up. */
const KEEP = 6;

export function createCanvasPool<T>(
  create: () => T,
  { fps, frameBytes }: { readonly fps: number; readonly frameBytes: number },
): CanvasPool<T> {
  const most = Math.max(
    MIN_CANVASES,
    Math.min(Math.round(fps * MAX_BEHIND_SECONDS), Math.floor(MAX_WAITING_BYTES / frameBytes)),
  );
  const free: T[] = [];
  let away = 0;
  return {
    take() {
      if (away >= most) return null;
      away += 1;
      return free.pop() ?? create();
    },
    giveBack(canvas) {
      away -= 1;
      if (free.length < KEEP) free.push(canvas);
    },
  };
}
