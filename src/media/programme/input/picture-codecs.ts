import type { Logger } from 'pino';
import { probeDecodable } from '../../ffmpeg/capabilities.ts';
import type { StartQueue } from './start-queue.ts';

/** Which picture codecs the FFmpeg at hand decodes, by FFmpeg's names. */
export interface PictureCodecs {
  /** null: not known yet; `onKnown` tells when to ask again. */
  canDecode(codec: string, onKnown: () => void): boolean | null;
}

/** FFmpeg is asked when the first codec other than H.264 comes, and once. */
export function createPictureCodecs(starts: StartQueue, log: Logger): PictureCodecs {
  let known: ReadonlySet<string> | null = null;
  let asked = false;
  const waiting = new Set<() => void>();

  function tell(codecs: ReadonlySet<string>): void {
    known = codecs;
    for (const onKnown of waiting) onKnown();
    waiting.clear();
  }

  function ask(): void {
    probeDecodable(log).then(tell, (error: unknown) => {
      // An FFmpeg that does not run decodes nothing at all, and its other starts say so.
      log.error({ err: error }, 'FFmpeg does not tell its codecs');
      tell(new Set());
    });
  }

  return {
    canDecode(codec, onKnown) {
      if (codec === 'h264') return true;
      if (known) return known.has(codec);
      waiting.add(onKnown);
      if (!asked) starts.add(ask);
      asked = true;
      return null;
    },
  };
}
