/** One picture, planes Y, U, V without padding. `id` grows with every picture and never comes twice. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
  id: number;
  /** ms on its input's timeline. */
  ptsMs: number;
}

/** Reuses the big buffers of one picture size; every taken frame is given back exactly once. */
export interface FramePool {
  readonly frameBytes: number;
  take(): Frame;
  giveBack(frame: Frame): void;
}

export function frameBytes(width: number, height: number): number {
  return (width * height * 3) / 2;
}

let lastFrameId = 0;

/** Ids of pictures are unique in the process, so a canvas can tell what it shows already. */
export function nextFrameId(): number {
  lastFrameId += 1;
  return lastFrameId;
}

export function createFramePool(width: number, height: number, keep = 8): FramePool {
  const bytes = frameBytes(width, height);
  const free: Frame[] = [];
  return {
    frameBytes: bytes,
    take: () =>
      free.pop() ?? { width, height, data: Buffer.allocUnsafeSlow(bytes), id: nextFrameId(), ptsMs: 0 },
    giveBack(frame) {
      if (free.length < keep) free.push(frame);
    },
  };
}
