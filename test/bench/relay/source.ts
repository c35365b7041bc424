import { type FlvTag, isMedia, isSequenceHeader, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { openRtmpPublisher, type RtmpPublisher } from '../../../src/media/rtmp/publisher.ts';

/** What a stream has given so far: what its receivers are to have got. */
export interface Given {
  /** Bodies of the tags of sound and picture. */
  readonly bytes: number;
  readonly pictures: number;
}

/** Publishers of one clip in real time, over and over, each at a place of its own in it. */
export interface StreamSource {
  /** Publishes stream n to the n-th URL; resolves with the way to end that. */
  publish(urls: readonly string[]): Promise<() => Promise<void>>;
  /** Nothing is given until resume(). */
  pause(): void;
  resume(): void;
  given(stream: number): Given;
  stop(): void;
}

const TICK_MS = 5;

class Stream {
  readonly publishers = new Set<RtmpPublisher>();
  bytes = 0;
  pictures = 0;
  readonly #frames: readonly FlvTag[];
  readonly #lengthMs: number;
  readonly #offsetMs: number;
  #played = 0;

  constructor(frames: readonly FlvTag[], offsetMs: number) {
    this.#frames = frames;
    this.#lengthMs = (frames.at(-1)?.timestamp ?? 0) + 33;
    this.#offsetMs = offsetMs;
  }

  playUntil(clockMs: number): void {
    for (;;) {
      const frame = this.#frames[this.#played % this.#frames.length];
      if (!frame) return;
      const at = frame.timestamp + Math.floor(this.#played / this.#frames.length) * this.#lengthMs;
      if (at + this.#offsetMs > clockMs) return;
      this.#played += 1;
      this.bytes += frame.data.length;
      if (frame.type === TAG_VIDEO) this.pictures += 1;
      for (const publisher of this.publishers) publisher.write({ ...frame, timestamp: at });
    }
  }
}

/** Streams are spread over the length of a frame and of a GOP, as those of strangers are. */
export function startSource(clip: readonly FlvTag[], streams: number): StreamSource {
  const heads = clip.filter((tag) => !isMedia(tag) && (isSequenceHeader(tag) || tag.timestamp === 0));
  const frames = clip.filter(isMedia);
  const all = Array.from({ length: streams }, (_, index) => new Stream(frames, (index * 2000) / streams));
  let clockMs = 0;
  let tickedAt = performance.now();
  let isPaused = false;
  const timer = setInterval(() => {
    const now = performance.now();
    if (!isPaused) clockMs += now - tickedAt;
    tickedAt = now;
    for (const stream of all) stream.playUntil(clockMs);
  }, TICK_MS);

  return {
    async publish(urls) {
      const publishers = await Promise.all(urls.map((url) => openRtmpPublisher({ url })));
      for (const [index, publisher] of publishers.entries()) {
        for (const head of heads) publisher.write({ ...head, timestamp: 0 });
        all[index]?.publishers.add(publisher);
      }
      return async () => {
        for (const stream of all) for (const publisher of publishers) stream.publishers.delete(publisher);
        await Promise.all(publishers.map((publisher) => publisher.close()));
      };
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
    },
    given: (stream) => ({ bytes: all[stream]?.bytes ?? 0, pictures: all[stream]?.pictures ?? 0 }),
    stop: () => clearInterval(timer),
  };
}
