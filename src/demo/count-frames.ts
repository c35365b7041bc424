import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createFlvParser } from '../media/flv/parser.ts';
import { isMedia, TAG_VIDEO } from '../media/flv/tag.ts';

async function countInFile(path: string): Promise<number> {
  let frames = 0;
  const parser = createFlvParser({
    onTag: (tag) => {
      if (tag.type === TAG_VIDEO && isMedia(tag)) frames += 1;
    },
  });
  for await (const chunk of createReadStream(path)) parser.push(chunk as Buffer);
  return frames;
}

/** Video frames in all FLV files that nginx-rtmp recorded of one stream key. */
export async function countRecordedFrames(dir: string, key: string): Promise<number> {
  let frames = 0;
  for (const name of await readdir(dir)) {
    if (name.startsWith(`${key}-`) && name.endsWith('.flv')) frames += await countInFile(join(dir, name));
  }
  return frames;
}
