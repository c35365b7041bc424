import { setTimeout as delay } from 'node:timers/promises';
import { createFlvParser } from '../media/flv/parser.ts';
import { isMedia, TAG_AUDIO, TAG_VIDEO } from '../media/flv/tag.ts';

/** Enough to tell a stream from a header that is followed by nothing. */
const FLV_FRAMES = 30;
const HLS_POLL_MS = 500;

/** Reads an HTTP-FLV stream until picture and sound came; false when it is refused or ends before that. */
export async function answersFlv(url: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) return false;
  let video = 0;
  let audio = 0;
  const parser = createFlvParser({
    onTag: (tag) => {
      if (!isMedia(tag)) return;
      if (tag.type === TAG_VIDEO) video += 1;
      if (tag.type === TAG_AUDIO) audio += 1;
    },
  });
  for await (const chunk of response.body) {
    parser.push(Buffer.from(chunk));
    if (video >= FLV_FRAMES && audio > 0) return true;
  }
  return false;
}

/** The init segment and the newest segment of a playlist, as URLs; null while it has none. */
export function readPlaylist(text: string, url: string): { init: string; segment: string } | null {
  const init = /#EXT-X-MAP:.*URI="([^"]+)"/.exec(text)?.[1];
  const segment = text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '' && !line.startsWith('#'));
  if (init === undefined || segment === undefined) return null;
  return { init: new URL(init, url).href, segment: new URL(segment, url).href };
}

async function fetchBox(url: string, box: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal });
  const bytes = Buffer.from(await response.arrayBuffer());
  return response.ok && bytes.includes(box);
}

/** Asks for an HLS playlist until it has a segment, and fetches that; rejects when `signal` ends it before. */
export async function answersHls(url: string, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const response = await fetch(url, { signal });
    const found = response.ok ? readPlaylist(await response.text(), url) : null;
    if (!response.ok) await response.body?.cancel();
    if (found !== null) {
      return (await fetchBox(found.init, 'moov', signal)) && (await fetchBox(found.segment, 'mdat', signal));
    }
    await delay(HLS_POLL_MS, undefined, { signal });
  }
}
