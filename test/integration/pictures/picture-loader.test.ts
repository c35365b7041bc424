import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MixEventBody } from '../../../src/domain/mix-event.ts';
import { openPictures } from '../../../src/media/pictures/open-pictures.ts';
import type { PictureStore, PictureWish } from '../../../src/media/pictures/picture-store.ts';
import { eventually } from '../../support/eventually.ts';
import { makePicture, type PictureServer, PNG, startPictureServer } from '../../support/picture-server.ts';
import { descendants } from '../../support/process-tree.ts';

let server: PictureServer;
let store: PictureStore;
let events: MixEventBody[];

beforeEach(async () => {
  server = await startPictureServer();
  events = [];
  store = openPictures({
    networks: ['127.0.0.0/8'],
    log: pino({ level: 'silent' }),
    nice: 0,
    onEvent: (event) => events.push(event),
  });
});

afterEach(async () => {
  await store.close();
  await server.close();
});

const wish = (url: string, width = 64): PictureWish => ({
  ...{ type: 'url', url, width, height: 36 },
  renderMode: 'stretch',
});

/** A server that never answers, and how many wait for it. */
function serveSilence(path: string): { readonly url: string; readonly open: () => number } {
  let open = 0;
  const url = server.serve(path, (response) => {
    open += 1;
    response.once('close', () => {
      open -= 1;
    });
  });
  return { url, open: () => open };
}

test('URLs that change faster than they answer keep nobody waiting: what is not wanted any more is not fetched on', async () => {
  const silent = serveSilence('/silent');
  for (let change = 0; change < 100; change += 1) {
    store.open([wish(`${silent.url}?${change}`)]);
    if (change % 10 === 0) await eventually(() => silent.open() > 0);
  }
  const url = server.serve('/a.png', await makePicture('color=red:s=64x36', PNG));
  const [slot] = store.open([wish(url)]);
  // Within the time of one try of a server that is silent.
  await eventually(() => slot?.picture ?? undefined);
  expect(silent.open()).toBe(0);
  expect(events).toEqual([]);
});

test('a fetch for two sizes goes on when one of them is not wanted any more, and ends with the other', async () => {
  const silent = serveSilence('/silent');
  store.open([wish(silent.url), wish(silent.url, 32)]);
  await eventually(() => silent.open() === 1);
  const url = server.serve('/a.png', await makePicture('color=red:s=64x36', PNG));
  const [, slot] = store.open([wish(silent.url, 32), wish(url)]);
  await eventually(() => slot?.picture ?? undefined);
  expect(silent.open()).toBe(1);
  store.open([]);
  await eventually(() => silent.open() === 0);
  expect(server.requests('/silent')).toBe(1);
});

test('a hundred slow URLs are asked for four at a time', async () => {
  const silent = serveSilence('/silent');
  store.open(Array.from({ length: 100 }, (_, at) => wish(`${silent.url}?${at}`)));
  await eventually(() => silent.open() === 4);
  await store.close();
  await eventually(() => silent.open() === 0);
  expect(server.requests('/silent')).toBe(4);
});

test('texts that change faster than they are drawn have two children at a time, and the last one is shown', async () => {
  const drawers = () => descendants(process.pid).filter(({ command }) => command.startsWith('ffmpeg'));
  const drawn: number[] = [];
  let slot: { readonly picture: unknown } | undefined;
  for (let change = 0; change < 50; change += 1) {
    [slot] = store.open([
      { type: 'text', width: 320, height: 40, text: `${change}`, fontSize: 30, color: '#ffffff' },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    drawn.push(drawers().length);
  }
  expect(Math.max(...drawn)).toBeLessThanOrEqual(2);
  await eventually(() => slot?.picture ?? undefined);
  expect(events).toEqual([]);
});
