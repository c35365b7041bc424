import { UsageError } from './command.ts';

const NEXT_VERSION = '0.2';
const LATER_LAYOUTS = ['floating', 'share'];
const LATER_FORMATS = ['hls', 'flv', 'm4a', 'mp3'];

/** Throws UsageError for a layout that this version does not have, and says which one has it. */
export function assertLayout(layout: string | undefined, main: string | undefined): void {
  if (layout !== undefined && LATER_LAYOUTS.includes(layout)) {
    throw new UsageError(`--layout ${layout} comes with version ${NEXT_VERSION}; this one has grid`);
  }
  if (layout !== undefined && layout !== 'grid') {
    throw new UsageError('--layout is grid, floating or share');
  }
  if (main !== undefined) {
    throw new UsageError(
      `--main is for the layouts floating and share, which come with version ${NEXT_VERSION}`,
    );
  }
}

/** Throws UsageError for a recording format that this version does not have, and says which one has it. */
export function assertFormats(formats: readonly string[]): void {
  for (const format of formats) {
    if (LATER_FORMATS.includes(format)) {
      throw new UsageError(`--format ${format} comes with version ${NEXT_VERSION}; this one records mp4`);
    }
    if (format !== 'mp4') throw new UsageError('--format is a list of mp4, hls, flv, m4a and mp3');
  }
}
