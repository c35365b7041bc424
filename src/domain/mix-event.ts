/** How loud a user was within the last second, 0 to 100. */
export interface SpeakingLevel {
  readonly streamId: string;
  readonly userId: string;
  readonly volume: number;
}

/** What a programme notices; none of it stops the programme. */
export type MixEventBody =
  | {
      readonly type: 'input-changed';
      readonly streamId: string;
      readonly what: 'size' | 'codec' | 'timestamps' | 'gap' | 'tracks';
      readonly detail: string;
    }
  | {
      readonly type: 'input-unsupported';
      readonly streamId: string;
      readonly codec: string;
      readonly reason: string;
    }
  | { readonly type: 'input-damaged'; readonly streamId: string; readonly detail: string }
  /** The URL is shown without its query. */
  | { readonly type: 'picture-failed'; readonly url: string; readonly reason: string }
  | { readonly type: 'encoder-fallback'; readonly encoder: string; readonly reason: string }
  | { readonly type: 'overloaded'; readonly droppedShare: number; readonly behindMs: number }
  | { readonly type: 'recovered' }
  /** Every second while somebody can be heard; passed on, not kept. */
  | { readonly type: 'speaking'; readonly levels: readonly SpeakingLevel[] };

export type MixEvent = MixEventBody & {
  /** Unix ms. */
  readonly at: number;
};
