/** Sound and picture of one stream: which it carries, or which of it somebody may send or get. */
export interface Tracks {
  readonly audio: boolean;
  readonly video: boolean;
}

/** Of a stream that is on the air and of which nothing came yet. */
export const NO_TRACKS: Tracks = { audio: false, video: false };

export function sameTracks(a: Tracks, b: Tracks): boolean {
  return a.audio === b.audio && a.video === b.video;
}
