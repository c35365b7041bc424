import { GatewayError, toGatewayError } from '../../domain/errors.ts';
import type { CanvasSize } from '../../domain/layout/box.ts';
import type { RenderMode } from '../../domain/layout/spec.ts';
import { type Picture, pictureBytes } from '../canvas/picture.ts';

export type PictureWish =
  | (CanvasSize & { readonly type: 'url'; readonly url: string; readonly renderMode: RenderMode })
  | (CanvasSize & {
      readonly type: 'text';
      readonly text: string;
      readonly fontSize: number;
      readonly color: string;
      readonly background?: string;
    })
  /** What a time is written with, side by side. */
  | { readonly type: 'glyphs'; readonly fontSize: number };

/** A picture that was asked for, and where it has got to. */
export interface PictureSlot {
  /** null while it is not there. */
  readonly picture: Picture | null;
  /** It is there, or cannot be had for now. */
  readonly isSettled: boolean;
}

export interface PictureStoreOptions {
  /** Throws a GatewayError that says why. */
  readonly load: (wish: PictureWish, signal: AbortSignal) => Promise<Picture>;
  /** Once a URL or text, until it is asked for anew. */
  readonly onFailed: (wish: PictureWish, error: GatewayError) => void;
  /** A failed one that is still wanted is tried again after this time: 3 min by default. */
  readonly retryMs?: number;
  /** What all pictures may hold: 256 MB by default. */
  readonly maxBytes?: number;
}

/** The pictures of a programme: loaded once, shared, kept within bounds. */
export interface PictureStore {
  /** What is wanted from now on, in this order; other pictures are kept while there is room. */
  open(wishes: readonly PictureWish[]): PictureSlot[];
  /** Ends what is being loaded; resolves when nothing of it is left. */
  close(): Promise<void>;
}

interface Slot {
  readonly wish: PictureWish;
  picture: Picture | null;
  isSettled: boolean;
  /** Ends the loading. */
  abort: AbortController;
}

const RETRY_MS = 3 * 60_000;
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_KEPT = 128;

/** What a failure is told of once. */
function nameOf(wish: PictureWish): string {
  return wish.type === 'url' ? wish.url : wish.type;
}

export function createPictureStore(options: PictureStoreOptions): PictureStore {
  const { retryMs = RETRY_MS, maxBytes = MAX_BYTES } = options;
  // Those used last come last.
  const slots = new Map<string, Slot>();
  const loading = new Set<Promise<void>>();
  const told = new Set<string>();
  let wanted = new Set<Slot>();
  let retryTimer: NodeJS.Timeout | undefined;
  let closed = false;

  const bytesHeld = (): number =>
    [...slots.values()].reduce((sum, { picture }) => sum + (picture ? pictureBytes(picture) : 0), 0);

  function makeRoom(): void {
    let bytes = bytesHeld();
    for (const [key, slot] of slots) {
      if (bytes <= maxBytes && slots.size <= MAX_KEPT) return;
      if (wanted.has(slot)) continue;
      bytes -= slot.picture ? pictureBytes(slot.picture) : 0;
      slots.delete(key);
    }
  }

  function fail(slot: Slot, error: GatewayError): void {
    slot.picture = null;
    slot.isSettled = true;
    const name = nameOf(slot.wish);
    if (!told.has(name)) options.onFailed(slot.wish, error);
    told.add(name);
    retryTimer ??= setTimeout(retry, retryMs);
  }

  function settle(slot: Slot, picture: Picture): void {
    slot.picture = picture;
    slot.isSettled = true;
    makeRoom();
    if (bytesHeld() > maxBytes) throw new GatewayError('limit-reached', 'too many large pictures');
    told.delete(nameOf(slot.wish));
  }

  async function load(slot: Slot): Promise<void> {
    const { signal } = slot.abort;
    try {
      const picture = await options.load(slot.wish, signal);
      if (!signal.aborted) settle(slot, picture);
    } catch (error) {
      if (!signal.aborted) fail(slot, toGatewayError(error));
    }
  }

  function start(slot: Slot): void {
    slot.isSettled = false;
    slot.abort = new AbortController();
    const run = load(slot).finally(() => loading.delete(run));
    loading.add(run);
  }

  function retry(): void {
    retryTimer = undefined;
    for (const slot of wanted) if (slot.isSettled && !slot.picture) start(slot);
  }

  function slotOf(wish: PictureWish, before: ReadonlySet<string>): Slot {
    const key = JSON.stringify(wish);
    const known = slots.get(key);
    const slot = known ?? { wish, picture: null, isSettled: false, abort: new AbortController() };
    slots.delete(key);
    slots.set(key, slot);
    const isAskedAnew = slot.isSettled && !slot.picture && !before.has(nameOf(wish));
    if (!known || isAskedAnew) start(slot);
    return slot;
  }

  function drop(slot: Slot, key: string): void {
    slot.abort.abort();
    slots.delete(key);
  }

  return {
    open(wishes) {
      if (closed) return [];
      const before = new Set([...wanted].map((slot) => nameOf(slot.wish)));
      const opened = wishes.map((wish) => slotOf(wish, before));
      wanted = new Set(opened);
      const names = new Set(wishes.map(nameOf));
      for (const name of told) if (!names.has(name)) told.delete(name);
      for (const [key, slot] of slots) if (!wanted.has(slot) && !slot.isSettled) drop(slot, key);
      makeRoom();
      return opened;
    },
    async close() {
      closed = true;
      clearTimeout(retryTimer);
      for (const slot of slots.values()) slot.abort.abort();
      await Promise.all(loading);
    },
  };
}
