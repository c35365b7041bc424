import type { Logger } from 'pino';
import { type MediaPacket, packetOf, readConfigs, type TrackConfigs } from '../flv/packets.ts';
import { type FlvTag, isSequenceHeader, TAG_VIDEO } from '../flv/tag.ts';
import { Intake, type TagInfo, type TakenTag } from '../recording/intake.ts';
import { NEW_TIMELINE } from '../recording/timeline.ts';
import { AudioClock } from './audio-clock.ts';
import { type CmafSegment, type TimedPacket, writeCmaf } from './cmaf.ts';

export interface HlsSegment {
  readonly data: Buffer;
  readonly durationMs: number;
  /** When its first frame was live, Unix ms. */
  readonly programTimeMs: number;
}

export interface SegmenterOptions {
  readonly log: Logger;
  /** Before the first segment, and again where configuration or time breaks off. */
  readonly onInit: (data: Buffer) => void;
  readonly onSegment: (segment: HlsSegment) => void;
  readonly onError: (error: unknown) => void;
}

/** Takes a stream's tags, gives CMAF segments of 2 s, or of one GOP where that is longer. */
export interface Segmenter {
  take(tag: FlvTag, info: TagInfo): void;
  /** A new publisher: what follows starts with an init segment of its own. */
  streamStarted(): void;
  /** Closes the running segment; resolves when all segments were given out. */
  end(): Promise<void>;
}

const TARGET_MS = 2000;
/** Timestamps are whole ms and key frames a little early or late. */
const TARGET_SLACK_MS = 100;
/** A step beyond this is no long frame but a hole, which players get over only with a discontinuity. */
const HOLE_MS = 1500;
const DEFAULT_FRAME_MS = 33;
/** One GOP of a minute at 4 Mbit/s; what is longer cannot be held and is left out. */
const MAX_SEGMENT_BYTES = 32 * 1024 * 1024;

interface OpenSegment {
  readonly firstMs: number;
  readonly programTimeMs: number;
  readonly packets: MediaPacket[];
  bytes: number;
  /** Latest tag time. */
  lastMs: number;
  /** Time of the first sound behind a hole. */
  holeEndMs?: number;
}

/** Adds lengths: a picture lasts until the next one is shown, the last until the segment ends. */
function timed(packets: readonly MediaPacket[], clock: AudioClock | null, endMs: number): TimedPacket[] {
  const shown = packets.filter((packet) => packet.track === 'video').map((packet) => packet.ptsMs);
  shown.sort((a, b) => a - b);
  const lastShown = shown.at(-1) ?? endMs;
  const lastMs = endMs > lastShown ? endMs - lastShown : DEFAULT_FRAME_MS;
  const lengths = new Map(shown.map((at, index) => [at, (shown[index + 1] ?? at + lastMs) - at]));
  // The muxer gives the last one in decoding order the last place in time, so it needs that place's length.
  const lastVideo = packets.findLast((packet) => packet.track === 'video');
  return packets.map((packet) => {
    if (packet === lastVideo) return { ...packet, durationMs: lastMs };
    if (packet.track === 'video') return { ...packet, durationMs: lengths.get(packet.ptsMs) ?? lastMs };
    const ptsMs = clock?.place(packet.ptsMs) ?? packet.ptsMs;
    return { ...packet, ptsMs, durationMs: clock?.frameMs ?? 0 };
  });
}

class CmafSegmenter implements Segmenter {
  readonly #options: SegmenterOptions;
  readonly #intake: Intake;
  readonly #headers = new Map<number, FlvTag>();
  #configs: TrackConfigs = { video: null, audio: null };
  #clock: AudioClock | null = null;
  #open: OpenSegment | null = null;
  #initDue = true;
  /** Segments are written one after the other, in order. */
  #writing: Promise<void> = Promise.resolve();

  constructor(options: SegmenterOptions) {
    this.#options = options;
    this.#intake = new Intake({ start: NEW_TIMELINE, onTag: (taken) => this.#take(taken) });
  }

  take(tag: FlvTag, info: TagInfo): void {
    this.#intake.take(tag, info);
  }

  streamStarted(): void {
    this.#intake.streamStarted();
    this.#close(null);
    this.#initDue = true;
  }

  async end(): Promise<void> {
    this.#intake.flush();
    this.#close(null);
    await this.#writing;
  }

  #take({ tag, wallMs }: TakenTag): void {
    if (isSequenceHeader(tag)) {
      this.#close(null);
      this.#headers.set(tag.type, tag);
      this.#configure();
      return;
    }
    const packet = packetOf(tag);
    if (packet.data.length === 0 || !this.#configs[packet.track]) return;
    const begins = this.#mayBegin(packet);
    const open = this.#open;
    if (open && this.#waitsBehindHole(open, packet, tag)) return;
    if (open && begins && this.#isOver(open, packet, tag)) this.#close(packet.ptsMs, tag.timestamp);
    if (!this.#open) {
      if (!begins) return;
      this.#open = {
        firstMs: packet.ptsMs,
        programTimeMs: wallMs,
        packets: [],
        bytes: 0,
        lastMs: tag.timestamp,
      };
    }
    this.#add(this.#open, packet, tag);
  }

  #add(open: OpenSegment, packet: MediaPacket, tag: FlvTag): void {
    if (open.bytes + packet.data.length > MAX_SEGMENT_BYTES) {
      this.#options.log.warn({ bytes: open.bytes }, 'no key frame for too long: a segment is left out');
      this.#open = null;
      this.#initDue = true;
      return;
    }
    open.packets.push(packet);
    open.bytes += packet.data.length;
    open.lastMs = Math.max(open.lastMs, tag.timestamp);
  }

  /** Pictures decide where segments begin; without any, every frame of sound may. */
  #mayBegin(packet: MediaPacket): boolean {
    return this.#configs.video ? packet.track === 'video' && packet.key : true;
  }

  /** Behind a hole the picture says whether a new segment can begin; sound that comes before it has no place. */
  #waitsBehindHole(open: OpenSegment, packet: MediaPacket, tag: FlvTag): boolean {
    if (packet.track === 'video' || !this.#configs.video) return false;
    const sinceMs = tag.timestamp - open.lastMs;
    if (sinceMs <= HOLE_MS) return false;
    open.holeEndMs ??= tag.timestamp;
    return tag.timestamp - open.holeEndMs < HOLE_MS;
  }

  #isOver(open: OpenSegment, packet: MediaPacket, tag: FlvTag): boolean {
    return (
      packet.ptsMs - open.firstMs >= TARGET_MS - TARGET_SLACK_MS || tag.timestamp - open.lastMs > HOLE_MS
    );
  }

  #configure(): void {
    this.#initDue = true;
    try {
      const video = this.#headers.get(TAG_VIDEO) ?? null;
      const audio = [...this.#headers.values()].find((tag) => tag.type !== TAG_VIDEO) ?? null;
      this.#configs = readConfigs({ video, audio });
      this.#clock = this.#configs.audio ? new AudioClock(this.#configs.audio.sampleRate) : null;
    } catch (error) {
      this.#configs = { video: null, audio: null };
      this.#options.onError(error);
    }
  }

  /** Ends the running segment at the next one's first frame, or (null) where its own frames end. */
  #close(nextMs: number | null, nextTagMs = 0): void {
    const open = this.#open;
    if (!open) return;
    this.#open = null;
    const afterHole = nextMs !== null && nextTagMs - open.lastMs > HOLE_MS;
    const lastMs = open.packets.reduce((last, packet) => Math.max(last, packet.ptsMs), open.firstMs);
    const endMs = nextMs === null || afterHole ? lastMs + DEFAULT_FRAME_MS : nextMs;
    const packets = timed(open.packets, this.#clock, endMs);
    const configs = this.#configs;
    const needsInit = this.#initDue;
    this.#initDue = afterHole;
    const { programTimeMs, firstMs } = open;
    this.#write(() => writeCmaf(configs, packets), needsInit, { programTimeMs, durationMs: endMs - firstMs });
  }

  #write(
    make: () => Promise<CmafSegment>,
    needsInit: boolean,
    about: { readonly programTimeMs: number; readonly durationMs: number },
  ): void {
    const { onInit, onSegment, onError } = this.#options;
    this.#writing = this.#writing.then(make).then(
      ({ init, media }) => {
        if (needsInit) onInit(init);
        onSegment({ data: media, ...about });
      },
      (error: unknown) => {
        this.#initDue = true;
        onError(error);
      },
    );
  }
}

export function createSegmenter(options: SegmenterOptions): Segmenter {
  return new CmafSegmenter(options);
}
