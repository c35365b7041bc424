import type { Logger } from 'pino';
import type { MixEventBody } from '../../domain/mix-event.ts';
import { createPictureLoader } from './picture-loader.ts';
import { createPictureStore, type PictureStore } from './picture-store.ts';
import { shownUrl } from './picture-url.ts';

export interface PicturesOptions {
  /** CIDRs that pictures may come from though they are not public. */
  readonly networks: readonly string[];
  readonly log: Logger;
  readonly nice: number;
  readonly onEvent: (event: MixEventBody) => void;
}

/** The pictures of a programme, fetched, decoded and drawn beside it; what cannot be had is said once. */
export function openPictures({ onEvent, ...options }: PicturesOptions): PictureStore {
  const loader = createPictureLoader(options);
  const store = createPictureStore({
    load: loader.load,
    onFailed(wish, error) {
      const reason = error.message;
      if (wish.type === 'url') onEvent({ type: 'picture-failed', url: shownUrl(wish.url), reason });
      else options.log.warn({ reason }, 'text cannot be drawn');
    },
  });
  return {
    open: store.open,
    async close() {
      loader.close();
      await store.close();
    },
  };
}
