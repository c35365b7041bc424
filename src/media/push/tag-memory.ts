import { type FlvTag, isMedia, ownTag } from '../flv/tag.ts';

/** Memory for the tags of one stream, used over and over: fresh memory for each would be most of the cost of a push. */
export interface TagMemory {
  /** The tag with its data in this memory. */
  copy(tag: FlvTag): FlvTag;
}

export interface TagMemoryOptions {
  /** No more than the newest so many tags are still referred to. */
  readonly needed: () => number;
}

interface Block {
  readonly bytes: Buffer;
  used: number;
  tags: number;
}

const BLOCK_BYTES = 128 * 1024;
/** Blocks that no stream uses; the rest is left to the garbage collector. */
const MAX_FREE_BLOCKS = 64;

/** Streams let go of their blocks at different times: those of all streams of the process are shared. */
const free: Buffer[] = [];

function takeBlock(length: number): Block {
  const bytes = length > BLOCK_BYTES ? undefined : free.pop();
  return { bytes: bytes ?? Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, length)), used: 0, tags: 0 };
}

function giveBack({ bytes }: Block): void {
  if (bytes.length === BLOCK_BYTES && free.length < MAX_FREE_BLOCKS) free.push(bytes);
}

export function createTagMemory({ needed }: TagMemoryOptions): TagMemory {
  let blocks: Block[] = [];

  /** Frees the blocks that hold none of the needed tags. */
  function reclaim(): void {
    let newest = needed();
    const firstNeeded = blocks.findLastIndex((block) => {
      newest -= block.tags;
      return newest <= 0;
    });
    for (const block of blocks.slice(0, Math.max(0, firstNeeded))) giveBack(block);
    blocks = blocks.slice(Math.max(0, firstNeeded));
  }

  function blockFor(length: number): Block {
    const last = blocks.at(-1);
    if (last && last.bytes.length - last.used >= length) return last;
    reclaim();
    const block = takeBlock(length);
    blocks.push(block);
    return block;
  }

  return {
    copy(tag) {
      // Headers and script data are few, and kept for longer than any frame.
      if (!isMedia(tag)) return ownTag(tag);
      const { length } = tag.data;
      const block = blockFor(length);
      const data = block.bytes.subarray(block.used, block.used + length);
      data.set(tag.data);
      block.used += length;
      block.tags += 1;
      return { type: tag.type, timestamp: tag.timestamp, data };
    },
  };
}
