/** What an ended FFmpeg means: done by itself, ended by us, ended by a signal of others, failed, or never ran. */
export type FfmpegOutcome = 'finished' | 'stopped' | 'killed' | 'failed' | 'not-started';

/** How a child ended, good or bad; `tail` is the redacted end of its stderr. */
export interface FfmpegExit {
  readonly outcome: FfmpegOutcome;
  readonly code: number | null;
  readonly signal: string | null;
  readonly tail: readonly string[];
}

export interface RawExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** We asked it to end. */
  readonly asked: boolean;
  /** It never ran (binary missing, no memory). */
  readonly startError: boolean;
}

/** 255 is FFmpeg's answer to SIGINT and SIGTERM. */
const CODE_AFTER_SIGNAL = 255;

/** Outcome of an ended child, from codes and signals only. */
export function outcomeOf({ code, signal, asked, startError }: RawExit): FfmpegOutcome {
  if (startError) return 'not-started';
  if (code === 0) return 'finished';
  if (asked) return 'stopped';
  if (signal !== null || code === CODE_AFTER_SIGNAL) return 'killed';
  return 'failed';
}

const SECRET_PARAMETER =
  /\b(usersig|ticket|private_map_key|key|txsecret|sign|token|pass(?:word)?)=[^&\s'"]+/gi;
/** The last path segment of an RTMP URL is the stream key. */
const RTMP_URL = /\brtmps?:\/\/[^\s'"]+/gi;

/** The line without stream keys, signatures and tickets. */
export function redactLine(line: string): string {
  return line
    .replace(RTMP_URL, (url) => url.replace(/^(rtmps?:\/\/[^/]*(?:\/[^/?]*)?).*$/i, '$1/[hidden]'))
    .replace(SECRET_PARAMETER, '$1=[hidden]');
}
