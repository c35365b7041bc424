import { type TagFeed, tagFeed } from '../ffmpeg/tag-feed.ts';
import { packetOf } from '../flv/packets.ts';
import { type FlvTag, isMedia, TAG_VIDEO } from '../flv/tag.ts';
import type { JournalPart } from './journal-plan.ts';
import { type PlacedTag, readJournalTags } from './repair.ts';

/** One part of a journal, in a form that FFmpeg reads, with decoding times from 0. Throws `bad-media`. */
export class PartStream {
  /** Pictures before the first key frame. */
  leftOut = 0;
  written = 0;
  readonly #journal: string;
  readonly #part: JournalPart;
  readonly #feed: TagFeed;
  #picturesLeft: number;
  #sawKey = false;

  constructor(journal: string, part: JournalPart) {
    this.#journal = journal;
    this.#part = part;
    this.#feed = tagFeed(part.headers);
    this.#picturesLeft = part.videoFrames;
  }

  get format(): TagFeed['format'] {
    return this.#feed.format;
  }

  /** The bytes in pieces of about a megabyte; throws what the file system does. */
  async *chunks(): AsyncGenerator<Buffer, void, undefined> {
    yield this.#beginning();
    for await (const batch of readJournalTags(this.#journal, this.#part.fromByte)) {
      const own = batch.filter((placed) => placed.endByte <= this.#part.toByte);
      const taken = own.filter((placed) => this.#belongs(placed));
      if (taken.length > 0) yield Buffer.concat(taken.flatMap(({ tag }) => this.#encode(tag)));
      this.written += taken.length;
      if (own.length < batch.length) return;
    }
  }

  #beginning(): Buffer {
    const { headers, firstSound } = this.#part;
    const heads = [headers.video, headers.audio].flatMap((head) =>
      head ? (this.#feed.encode({ ...head, timestamp: 0 }) ?? []) : [],
    );
    const out = [this.#feed.start, ...heads];
    // FFmpeg looks at 5 MB to learn the sample rate, from a frame of sound: sent ahead it is among them.
    if (firstSound) {
      out.push(...this.#encode(firstSound.tag));
      this.written += 1;
    }
    return Buffer.concat(out);
  }

  #encode(tag: FlvTag): Buffer[] {
    const bytes = this.#feed.encode({ ...tag, timestamp: tag.timestamp - this.#part.firstDtsMs });
    return bytes ? [bytes] : [];
  }

  #belongs({ tag, endByte }: PlacedTag): boolean {
    if (!isMedia(tag)) return false;
    const { key, data } = packetOf(tag);
    if (tag.type !== TAG_VIDEO)
      return endByte > (this.#part.firstSound?.endByte ?? Infinity) && data.length > 0;
    this.#picturesLeft -= 1;
    if (!this.#part.headers.video || this.#picturesLeft < 0 || data.length === 0) return false;
    this.#sawKey ||= key;
    if (!this.#sawKey) this.leftOut += 1;
    return this.#sawKey;
  }
}
