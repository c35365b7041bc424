import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GatewayError } from '../../../../src/domain/errors.ts';
import type { Picture } from '../../../../src/media/canvas/picture.ts';
import {
  createPictureStore,
  type PictureStore,
  type PictureWish,
} from '../../../../src/media/pictures/picture-store.ts';

const RETRY_MS = 1000;

function picture(bytes = 6): Picture {
  return { width: 2, height: 2, data: Buffer.alloc(bytes), id: 1, ptsMs: 0, alpha: null };
}

const wish = (url: string, width = 2): PictureWish => ({
  ...{ type: 'url', url, width, height: 2 },
  renderMode: 'crop',
});

interface Loading {
  readonly wish: PictureWish;
  readonly signal: AbortSignal;
  readonly done: (made: Picture) => void;
  readonly fail: (error: Error) => void;
}

/** A loader that does what the test tells it to. */
let loads: Loading[];
let failed: string[];
let store: PictureStore;

function open(maxBytes?: number): PictureStore {
  return createPictureStore({
    retryMs: RETRY_MS,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    load: (wanted, signal) =>
      new Promise((done, fail) => {
        loads.push({ wish: wanted, signal, done, fail });
        signal.addEventListener('abort', () => fail(new Error('aborted')));
      }),
    onFailed: (wanted, error) =>
      failed.push(`${wanted.type === 'url' ? wanted.url : wanted.type}: ${error.message}`),
  });
}

/** The promises' own turns. */
const settled = () => vi.advanceTimersByTimeAsync(0);
const broken = () => new GatewayError('unreachable', 'gone');

beforeEach(() => {
  vi.useFakeTimers();
  loads = [];
  failed = [];
  store = open();
});

afterEach(async () => {
  await store.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test('one wish is loaded once, for all who ask, and kept while it is wanted again', async () => {
  const [one, same] = store.open([wish('a'), wish('a')]);
  expect(loads).toHaveLength(1);
  expect([one?.picture, one?.isSettled]).toEqual([null, false]);
  const made = picture();
  loads[0]?.done(made);
  await settled();
  expect([one?.picture, same?.picture, one?.isSettled]).toEqual([made, made, true]);
  store.open([]);
  expect(store.open([wish('a')])[0]?.picture).toBe(made);
  expect(loads).toHaveLength(1);
  store.open([wish('a', 4)]);
  expect(loads).toHaveLength(2);
});

describe('what cannot be had', () => {
  test('is told once a URL, tried again after some minutes, and told anew when it went well between', async () => {
    const [slot] = store.open([wish('a'), wish('a', 4)]);
    for (const load of loads) load.fail(broken());
    await settled();
    expect([slot?.picture, slot?.isSettled]).toEqual([null, true]);
    expect(failed).toEqual(['a: gone']);
    await vi.advanceTimersByTimeAsync(RETRY_MS);
    expect(loads).toHaveLength(4);
    loads[2]?.fail(broken());
    await settled();
    expect(failed).toEqual(['a: gone']);
    loads[3]?.done(picture());
    await settled();
    await vi.advanceTimersByTimeAsync(RETRY_MS);
    loads[4]?.fail(broken());
    await settled();
    expect(failed).toEqual(['a: gone', 'a: gone']);
  });

  test('is tried at once when a new layout names it, not when the old one goes on', async () => {
    store.open([wish('a')]);
    loads[0]?.fail(broken());
    await settled();
    store.open([wish('a'), wish('b')]);
    expect(loads.map((load) => load.wish)).toEqual([wish('a'), wish('b')]);
    store.open([wish('b')]);
    const [slot] = store.open([wish('b'), wish('a')]).slice(1);
    expect(loads).toHaveLength(3);
    loads[2]?.done(picture());
    await settled();
    expect(slot?.picture).not.toBeNull();
  });

  test('is told anew when it was not wanted for a while: nothing is remembered of it', async () => {
    for (const url of ['a', 'b', 'a']) {
      store.open([wish(url)]);
      loads.at(-1)?.fail(broken());
      await settled();
    }
    expect(failed).toEqual(['a: gone', 'b: gone', 'a: gone']);
  });

  test('and is not wanted any more is left alone', async () => {
    store.open([wish('a')]);
    loads[0]?.fail(broken());
    await settled();
    store.open([]);
    await vi.advanceTimersByTimeAsync(RETRY_MS * 3);
    expect(loads).toHaveLength(1);
  });
});

test('what is not wanted while it loads is ended without a word', async () => {
  store.open([wish('a'), wish('b')]);
  store.open([wish('b')]);
  expect(loads.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  await settled();
  expect(failed).toEqual([]);
  store.open([wish('b'), wish('a')]);
  expect(loads).toHaveLength(3);
});

test('pictures are kept within their bytes: those wanted longest ago go first', async () => {
  await store.close();
  store = open(25);
  for (const [at, url] of ['a', 'b', 'c'].entries()) {
    store.open([wish(url)]);
    loads[at]?.done(picture(8));
    await settled();
  }
  store.open([wish('a')]);
  store.open([wish('d')]);
  loads[3]?.done(picture(8));
  await settled();
  store.open([wish('a'), wish('c'), wish('d')]);
  expect(loads).toHaveLength(4);
  store.open([wish('b')]);
  expect(loads).toHaveLength(5);
});

test('more than fits at once is refused, what fitted stays', async () => {
  await store.close();
  store = open(20);
  const [first, second] = store.open([wish('a'), wish('b')]);
  loads[0]?.done(picture(15));
  await settled();
  loads[1]?.done(picture(15));
  await settled();
  expect(first?.picture).not.toBeNull();
  expect([second?.picture, second?.isSettled]).toEqual([null, true]);
  expect(failed).toEqual(['b: too many large pictures']);
});

test('closing it ends what is loading and waits for it', async () => {
  store.open([wish('a')]);
  const closing = store.close();
  expect(loads[0]?.signal.aborted).toBe(true);
  await closing;
  expect(failed).toEqual([]);
  expect(store.open([wish('b')])).toEqual([]);
});
