/** What a playlist says of one segment. */
export interface PlaylistSegment {
  readonly sequence: number;
  readonly durationMs: number;
  readonly programTimeMs: number;
  /** File name of the init segment it needs. */
  readonly init: string;
  /** It does not continue the segment before. */
  readonly discontinuity: boolean;
}

export interface Playlist {
  readonly segments: readonly PlaylistSegment[];
  readonly targetSeconds: number;
  /** Discontinuities of segments that are no longer listed. */
  readonly discontinuitySequence: number;
}

/** Shortest target duration: two seconds is what segments aim at. */
export const LEAST_TARGET_SECONDS = 2;

/** RFC 8216 media playlist of a live stream; `query` is added to every URI (empty or `?ticket=...`). */
export function playlistText(playlist: Playlist, query: string): string {
  const { segments } = playlist;
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${playlist.targetSeconds}`,
    `#EXT-X-MEDIA-SEQUENCE:${segments[0]?.sequence ?? 0}`,
  ];
  if (playlist.discontinuitySequence > 0) {
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);
  }
  lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  let init = '';
  for (const [index, segment] of segments.entries()) {
    if (segment.discontinuity && index > 0) lines.push('#EXT-X-DISCONTINUITY');
    if (segment.init !== init) lines.push(`#EXT-X-MAP:URI="${segment.init}${query}"`);
    init = segment.init;
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.programTimeMs).toISOString()}`);
    lines.push(`#EXTINF:${(segment.durationMs / 1000).toFixed(3)},`, `${segment.sequence}.m4s${query}`);
  }
  return `${lines.join('\n')}\n`;
}
