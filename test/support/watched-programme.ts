import type { ProgrammeSpec } from '../../src/domain/programme.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { startRtmpSink } from './rtmp-sink.ts';
import { startToldProgramme, type ToldProgramme } from './told-programme.ts';

/** A programme whose output is looked at while it runs, and not kept. */
export interface WatchedProgramme extends ToldProgramme {
  /** Sessions that were accepted as publishers. */
  readonly publishes: number;
}

/** Starts it; each tag that it publishes is given as it comes. */
export async function startWatchedProgramme(
  spec: ProgrammeSpec,
  onTag: (tag: FlvTag) => void,
): Promise<WatchedProgramme> {
  const sink = await startRtmpSink({
    onMedia: ({ type, timestamp, data }) => onTag({ type: type === 8 ? 8 : 9, timestamp, data }),
  });
  const programme = await startToldProgramme(sink.url, spec);
  return {
    ...programme,
    get publishes() {
      return sink.publishes;
    },
    async close() {
      await programme.close();
      await sink.close();
    },
  };
}
