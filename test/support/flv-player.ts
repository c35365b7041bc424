import type { FlvTag } from '../../src/media/flv/tag.ts';

export interface FlvPlayer {
  /** Tags given so far. */
  readonly played: number;
  stop(): void;
}

/** Gives the clip's tags to the sink in real time, over and over, timestamps going on. */
export function playClip(
  clip: readonly FlvTag[],
  sink: (tag: FlvTag) => void,
  options: { readonly startMs?: number; readonly speed?: number } = {},
): FlvPlayer {
  const { startMs = 0, speed = 1 } = options;
  const lengthMs = (clip.at(-1)?.timestamp ?? 0) + 33;
  const began = performance.now();
  let played = 0;
  const timer = setInterval(() => {
    const now = (performance.now() - began) * speed;
    for (;;) {
      const tag = clip[played % clip.length];
      const at = (tag?.timestamp ?? 0) + Math.floor(played / clip.length) * lengthMs;
      if (!tag || at > now) return;
      played += 1;
      sink({ ...tag, timestamp: (startMs + at) % 2 ** 32 });
    }
  }, 10);
  return {
    get played() {
      return played;
    },
    stop: () => clearInterval(timer),
  };
}
