import type { RoomId, StreamKind } from './ids.ts';
import type { Tracks } from './tracks.ts';

interface UserStream {
  readonly appId: number;
  readonly room: RoomId;
  /** As the publisher wrote it. */
  readonly userId: string;
  readonly kind: StreamKind;
  readonly streamId: string;
  /** Unix ms. */
  readonly at: number;
}

/** What happens to users' streams. A takeover by the same user is one more `published`, nothing between. */
export type StreamEvent =
  | (UserStream & { readonly type: 'published' })
  | (UserStream & {
      /** A track's first frame came. */
      readonly type: 'carries';
      readonly publishedAt: number;
      readonly tracks: Tracks;
    })
  | (UserStream & {
      readonly type: 'unpublished';
      /** Unix ms, as it was told then. */
      readonly publishedAt: number;
      /** The publisher said that it stops; otherwise its connection was lost. */
      readonly clean: boolean;
    });
