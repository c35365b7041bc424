import { packetOf, type TrackHeaders } from '../flv/packets.ts';
import { isKeyFrame, isMedia, isSequenceHeader, TAG_VIDEO } from '../flv/tag.ts';
import { type PictureTimes, wholePictures } from './gop-tail.ts';
import { FLV_FILE_HEADER_BYTES, type PlacedTag, readJournalTags } from './repair.ts';

/** Silence of both tracks beyond this is a gap of the recording. */
export const GAP_MS = 1500;
/** MP4 has 32 bit for the step to the next frame, of which FFmpeg uses 31: 6.2 h of sound at 96 kHz. */
const MAX_SILENCE_MS = 6 * 3_600_000;

/** A stretch of a journal that fits one file: one configuration per track, and no silence of many hours. */
export interface JournalPart {
  readonly fromByte: number;
  readonly toByte: number;
  readonly headers: TrackHeaders;
  /** Least presentation time, which becomes 0 of the file. */
  readonly firstMs: number;
  /** Least decoding time. */
  readonly firstDtsMs: number;
  /** The first frame of sound; those before it have no header. */
  readonly firstSound: PlacedTag | null;
  /** Without those at its end that were cut off from what they belong to. */
  readonly videoFrames: number;
  readonly audioFrames: number;
}

export interface JournalGap {
  readonly atMs: number;
  readonly durationMs: number;
}

export interface JournalPlan {
  readonly parts: readonly JournalPart[];
  readonly gaps: readonly JournalGap[];
  readonly wholeBytes: number;
  readonly lastMs: number;
}

interface OpenPart {
  fromByte: number;
  toByte: number;
  video: TrackHeaders['video'];
  audio: TrackHeaders['audio'];
  firstMs: number;
  firstDtsMs: number;
  firstSound: PlacedTag | null;
  lastPictureMs: number | null;
  lastSoundMs: number | null;
  videoFrames: number;
  audioFrames: number;
  /** Pictures since the last key frame. */
  gop: PictureTimes[];
}

function closed(part: OpenPart): JournalPart {
  const { video, audio, gop, lastPictureMs, lastSoundMs, ...rest } = part;
  // A header without a single frame makes an empty track, which players refuse.
  const headers = { video: part.videoFrames > 0 ? video : null, audio: part.audioFrames > 0 ? audio : null };
  return { ...rest, headers, videoFrames: part.videoFrames - (gop.length - wholePictures(gop)) };
}

/** Collects parts and gaps of a journal, tag after tag. */
export class JournalPlanner {
  readonly #parts: JournalPart[] = [];
  readonly #gaps: JournalGap[] = [];
  #part: OpenPart;
  #lastMs = 0;
  #endByte = FLV_FILE_HEADER_BYTES;

  constructor() {
    this.#part = this.#open(null, null);
  }

  add({ tag, endByte }: PlacedTag): void {
    if (isSequenceHeader(tag)) this.#header(tag);
    if (isMedia(tag) && this.#beginsFile(tag)) this.#nextPart();
    this.#endByte = endByte;
    if (isMedia(tag)) this.#media({ tag, endByte });
    this.#part.toByte = endByte;
  }

  finish(): JournalPlan {
    const parts = this.#frames() > 0 ? [...this.#parts, closed(this.#part)] : this.#parts;
    return { parts, gaps: this.#gaps, wholeBytes: this.#endByte, lastMs: this.#lastMs };
  }

  #frames(): number {
    return this.#part.videoFrames + this.#part.audioFrames;
  }

  #open(video: TrackHeaders['video'], audio: TrackHeaders['audio']): OpenPart {
    const at = this.#endByte;
    return {
      ...{ fromByte: at, toByte: at, video, audio },
      ...{ firstMs: Number.POSITIVE_INFINITY, firstDtsMs: Number.POSITIVE_INFINITY, firstSound: null },
      ...{ lastPictureMs: null, lastSoundMs: null, videoFrames: 0, audioFrames: 0, gop: [] },
    };
  }

  #nextPart(): void {
    this.#parts.push(closed(this.#part));
    this.#part = this.#open(this.#part.video, this.#part.audio);
  }

  /** Behind a silence too long for one file, where a picture can be decoded or none is near. */
  #beginsFile(tag: PlacedTag['tag']): boolean {
    const { lastPictureMs, lastSoundMs } = this.#part;
    const isAway = (lastMs: number | null) => lastMs !== null && tag.timestamp - lastMs > MAX_SILENCE_MS;
    if (!isAway(lastSoundMs)) return false;
    return tag.type === TAG_VIDEO ? isKeyFrame(tag) : lastPictureMs === null || isAway(lastPictureMs);
  }

  #header(tag: PlacedTag['tag']): void {
    const kept = { ...tag, data: Buffer.from(tag.data) };
    const isVideo = tag.type === TAG_VIDEO;
    const before = isVideo ? this.#part.video : this.#part.audio;
    const frames = isVideo ? this.#part.videoFrames : this.#part.audioFrames;
    if (before && frames > 0 && !before.data.equals(tag.data)) {
      this.#nextPart();
    }
    if (isVideo) this.#part.video = kept;
    else this.#part.audio = kept;
  }

  #media({ tag, endByte }: PlacedTag): void {
    const packet = packetOf(tag);
    const isVideo = packet.track === 'video';
    if (isVideo ? !this.#part.video : !this.#part.audio) return;
    const step = tag.timestamp - this.#lastMs;
    if (this.#frames() + this.#parts.length > 0 && step > GAP_MS) {
      this.#gaps.push({ atMs: this.#lastMs, durationMs: step });
    }
    this.#lastMs = Math.max(this.#lastMs, tag.timestamp);
    this.#part.firstMs = Math.min(this.#part.firstMs, packet.ptsMs);
    this.#part.firstDtsMs = Math.min(this.#part.firstDtsMs, tag.timestamp);
    if (isVideo) this.#picture(packet.key, { dtsMs: tag.timestamp, ptsMs: packet.ptsMs });
    else this.#sound({ tag, endByte }, packet.data.length);
  }

  #sound({ tag, endByte }: PlacedTag, bytes: number): void {
    this.#part.audioFrames += 1;
    this.#part.lastSoundMs = tag.timestamp;
    if (bytes > 0) this.#part.firstSound ??= { tag: { ...tag, data: Buffer.from(tag.data) }, endByte };
  }

  #picture(key: boolean, times: PictureTimes): void {
    this.#part.videoFrames += 1;
    this.#part.lastPictureMs = times.dtsMs;
    if (key || this.#part.gop.length >= MAX_GOP_PICTURES) this.#part.gop = [];
    this.#part.gop.push(times);
  }
}

/** A stream without key frames is no reason to hold all of it. */
const MAX_GOP_PICTURES = 10_000;

/** Reads a whole journal once; memory is bounded by a batch of tags. Throws the signal's reason. */
export async function planJournal(file: string, signal?: AbortSignal): Promise<JournalPlan> {
  const planner = new JournalPlanner();
  for await (const batch of readJournalTags(file)) {
    signal?.throwIfAborted();
    for (const placed of batch) planner.add(placed);
  }
  return planner.finish();
}
