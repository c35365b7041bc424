import { UsageError } from './command.ts';

const NEXT_VERSION = '0.2';
const LATER_FORMATS = ['hls', 'flv', 'm4a', 'mp3'];

/** Throws UsageError for a recording format that this version does not have, and says which one has it. */
export function assertFormats(formats: readonly string[]): void {
  for (const format of formats) {
    if (LATER_FORMATS.includes(format)) {
      throw new UsageError(`--format ${format} comes with version ${NEXT_VERSION}; this one records mp4`);
    }
    if (format !== 'mp4') throw new UsageError('--format is a list of mp4, hls, flv, m4a and mp3');
  }
}
