import type { Logger } from 'pino';
import type { Picture } from '../canvas/picture.ts';
import { createAddressPolicy } from './address-policy.ts';
import { decodePicture } from './decode-picture.ts';
import { fetchPicture } from './fetch-picture.ts';
import { createGate } from './gate.ts';
import type { PictureWish } from './picture-store.ts';
import { renderText } from './render-text.ts';
import { textPicture } from './text-picture.ts';
import { glyphScript, textScript } from './text-script.ts';
import { glyphPlace, TIME_GLYPHS } from './timestamp.ts';

export interface PictureLoaderOptions {
  /** CIDRs that pictures may come from though they are not public. */
  readonly networks: readonly string[];
  readonly log: Logger;
  /** Of the FFmpegs that decode and draw. */
  readonly nice: number;
}

type Wish<T extends PictureWish['type']> = Extract<PictureWish, { type: T }>;

const MAX_FETCHES = 4;
const MAX_CHILDREN = 2;
/** Files kept for other sizes of their pictures. */
const MAX_FILES = 16;
/** Beside text on a background, in parts of its size. */
const PADDING = 1 / 6;

/** Makes pictures of URLs and texts; a URL is fetched once for all sizes. */
export function createPictureLoader({ networks, log, nice }: PictureLoaderOptions) {
  const policy = createAddressPolicy(networks);
  const [fetchGate, childGate] = [createGate(MAX_FETCHES), createGate(MAX_CHILDREN)];
  const files = new Map<string, Promise<Buffer>>();
  const ending = new AbortController();

  /** A fetch is for all who want the URL, so it goes on when one of them does not any more. */
  function fileOf(url: string): Promise<Buffer> {
    const known = files.get(url);
    const file = known ?? fetchGate(() => fetchPicture(url, { policy, signal: ending.signal }));
    files.delete(url);
    files.set(url, file);
    for (const oldest of files.keys()) {
      if (files.size <= MAX_FILES) break;
      files.delete(oldest);
    }
    // What failed is fetched anew when it is asked for again.
    file.catch(() => files.get(url) === file && files.delete(url));
    return file;
  }

  async function loadUrl(wish: Wish<'url'>, signal: AbortSignal): Promise<Picture> {
    const file = await fileOf(wish.url);
    return childGate(() => decodePicture(file, { ...wish, log, nice, signal }));
  }

  async function drawText(wish: Wish<'text'>, signal: AbortSignal): Promise<Picture> {
    const { width, height, color, background, fontSize } = wish;
    const margin = background === undefined ? 0 : Math.round(fontSize * PADDING);
    const script = textScript({ ...wish, margin });
    const mask = await childGate(() => renderText(script, { width, height, log, nice, signal }));
    return textPicture(mask, color, background);
  }

  async function drawGlyphs({ fontSize }: Wish<'glyphs'>, signal: AbortSignal): Promise<Picture> {
    const place = glyphPlace(fontSize);
    const size = { width: place * TIME_GLYPHS.length, height: place };
    const script = glyphScript(TIME_GLYPHS, place, fontSize);
    return textPicture(await childGate(() => renderText(script, { ...size, log, nice, signal })), '#ffffff');
  }

  return {
    load(wish: PictureWish, signal: AbortSignal): Promise<Picture> {
      switch (wish.type) {
        case 'url':
          return loadUrl(wish, signal);
        case 'text':
          return drawText(wish, signal);
        case 'glyphs':
          return drawGlyphs(wish, signal);
      }
    },
    /** Ends every fetch. */
    close: () => ending.abort(),
  };
}
