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

interface File {
  readonly bytes: Promise<Buffer>;
  readonly ending: AbortController;
  /** By so many pictures. */
  wanted: number;
}

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
  const files = new Map<string, File>();
  /** Of the fetches under way. */
  const endings = new Set<AbortController>();

  /** Forgets the oldest files; who waits for one still gets it. */
  function makeRoom(): void {
    for (const oldest of files.keys()) {
      if (files.size <= MAX_FILES) break;
      files.delete(oldest);
    }
  }

  function fetchFile(url: string): File {
    const ending = new AbortController();
    endings.add(ending);
    const bytes = fetchGate(() => fetchPicture(url, { policy, signal: ending.signal }));
    const file = { bytes, ending, wanted: 0 };
    const settle = () => endings.delete(ending);
    // What failed is fetched anew when it is asked for again.
    bytes.then(settle, () => settle() && forget(url, file));
    return file;
  }

  function forget(url: string, file: File): void {
    if (files.get(url) === file) files.delete(url);
  }

  /** A fetch is for all who want the URL: it ends when none of them does any more. */
  function fileOf(url: string, signal: AbortSignal): Promise<Buffer> {
    const file = files.get(url) ?? fetchFile(url);
    files.delete(url);
    files.set(url, file);
    makeRoom();
    file.wanted += 1;
    signal.addEventListener(
      'abort',
      () => {
        file.wanted -= 1;
        if (file.wanted > 0 || !endings.has(file.ending)) return;
        forget(url, file);
        file.ending.abort();
      },
      { once: true },
    );
    return file.bytes;
  }

  async function loadUrl(wish: Wish<'url'>, signal: AbortSignal): Promise<Picture> {
    const file = await fileOf(wish.url, signal);
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
    close() {
      for (const ending of endings) ending.abort();
    },
  };
}
