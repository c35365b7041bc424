import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LayoutSpec } from '../../../src/domain/layout/spec.ts';
import type { ProgrammeSpec } from '../../../src/domain/programme.ts';
import type { FlvTag } from '../../../src/media/flv/tag.ts';
import { makeColourClip, makeFlvBytes, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { lastPicture, type Picture, type Rgb } from '../../support/media-checks.ts';
import {
  makePicture,
  type PictureServer,
  PNG,
  startPictureServer,
  startSecurePictures,
} from '../../support/picture-server.ts';
import { allPictures, differences, type Patch, patch } from '../../support/pictures.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const PROGRAMME = { ...SMALL_PROGRAMME, background: '#602070' };
const { width, height } = PROGRAMME.video;
const BACKGROUND: Rgb = [96, 32, 112];
const RED: Rgb = [255, 0, 0];
const BLUE: Rgb = [0, 0, 255];
const LIME: Rgb = [0, 255, 0];
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];

let red: readonly FlvTag[];
/** Left half red, right half blue. */
let halves: readonly FlvTag[];
let lime: Buffer;
let glass: Buffer;
let server: PictureServer;
let rig: ProgrammeRig | null = null;

beforeAll(async () => {
  red = await makeColourClip({ color: 'red', toneHz: 440, size: '320x180', fps: 15 });
  const picture = 'color=red:s=320x180:r=15,drawbox=160:0:160:180:blue:fill';
  halves = parseFlv(await makeFlvBytes({ picture, seconds: 4, gop: 15 }));
  lime = await makePicture('color=lime:s=160x90', PNG);
  // Left half transparent, right half half-transparent blue.
  glass = await makePicture(
    'color=blue@0.5:s=120x80,format=rgba,geq=r=0:g=0:b=255:a=if(lt(X\\,60)\\,0\\,128)',
    [...PNG, '-pix_fmt', 'rgba'],
  );
});

beforeEach(async () => {
  server = await startPictureServer();
});

afterEach(async () => {
  await rig?.close();
  rig = null;
  await server.close();
});

interface OnAir {
  readonly users?: Readonly<Record<string, readonly FlvTag[]>>;
  readonly layout?: LayoutSpec;
  readonly part?: Partial<ProgrammeSpec>;
}

async function onAir({ users = {}, layout = { mode: 'grid' }, part = {} }: OnAir): Promise<ProgrammeRig> {
  const on = await startProgrammeRig({ ...PROGRAMME, ...part, layout });
  rig = on;
  for (const [user, clip] of Object.entries(users)) on.source.play(user, clip);
  const names = Object.keys(users);
  on.show(names);
  await on.until(
    ({ inputs }) => inputs.length === names.length && inputs.every((one) => one.state === 'live'),
  );
  await eventually(() => on.recording());
  return on;
}

async function expectPicture(on: ProgrammeRig, patches: readonly Patch[]): Promise<Picture> {
  return eventually(
    async () => {
      const picture = await lastPicture(await on.recording(), width, height);
      expect(differences(picture, patches, BACKGROUND).slice(0, 5)).toEqual([]);
      return picture;
    },
    30_000,
    500,
  );
}

const CELL = { x: 0, y: 0, width: 320, height: 180 };

test('a background picture lies over the background colour and under the cells, in each render mode', async () => {
  const url = server.serve('/4-3.png', await makePicture('color=lime:s=200x150', PNG));
  const layout: LayoutSpec = { mode: 'custom', cells: [CELL] };
  const on = await onAir({ users: { ann: red }, layout, part: { backgroundPicture: { url } } });
  await expectPicture(on, [patch(LIME, 0, 0, 640, 360), patch(RED, 0, 0, 320, 180)]);
  on.change({ backgroundPicture: { url, renderMode: 'fit' } });
  await expectPicture(on, [
    patch(BLACK, 0, 0, 640, 360),
    patch(LIME, 80, 0, 480, 360),
    patch(RED, 0, 0, 320, 180),
  ]);
  on.change({ layout: { ...layout, cells: [{ ...CELL, renderMode: 'fit-background', height: 360 }] } });
  await expectPicture(on, [
    patch(BLACK, 0, 0, 640, 360),
    patch(LIME, 80, 0, 480, 360),
    // What stands beside a picture that is fitted on the background is the background's picture.
    patch(RED, 0, 90, 320, 180),
  ]);
  expect(server.requests('/4-3.png')).toBe(1);
});

test('a placeholder picture stands for a camera that is off, a user who is away and one whose video is blocked', async () => {
  const [common, own] = [
    server.serve('/lime.png', lime),
    server.serve('/white.png', await makePicture('color=white:s=160x90', PNG)),
  ];
  const away = { userId: 'bob', stream: 'main' } as const;
  const cells = [
    { ...CELL, source: { userId: 'ann', stream: 'main' } as const },
    { ...CELL, x: 320, source: away, placeholder: own },
    { ...CELL, y: 180, source: { userId: 'cid', stream: 'main' } as const },
    { ...CELL, x: 320, y: 180 },
  ];
  const on = await onAir({
    users: { ann: red },
    layout: { mode: 'custom', cells },
    part: { placeholder: common },
  });
  await expectPicture(on, [
    patch(RED, 0, 0, 320, 180),
    patch(WHITE, 320, 0, 320, 180),
    // A cell for anybody that nobody fills stays empty.
    patch(LIME, 0, 180, 320, 180),
  ]);
  on.block('ann', { audio: false, video: true });
  await expectPicture(on, [patch(LIME, 0, 0, 320, 360), patch(WHITE, 320, 0, 320, 180)]);
  on.block('ann', { audio: false, video: false });
  await expectPicture(on, [
    patch(RED, 0, 0, 320, 180),
    patch(WHITE, 320, 0, 320, 180),
    patch(LIME, 0, 180, 320, 180),
  ]);
  // One who has only sound fills the cell for anybody.
  on.source.play('dan', parseFlv(await makeFlvBytes({ seconds: 4, video: false })));
  on.show(['ann', 'dan']);
  await expectPicture(on, [
    patch(LIME, 0, 0, 640, 360),
    patch(RED, 0, 0, 320, 180),
    patch(WHITE, 320, 0, 320, 180),
  ]);
  expect(on.status()?.encoderStarts).toBe(1);
});

test('a watermark with alpha blends with the moving cell below it, by z-order', async () => {
  const url = server.serve('/glass.png', glass);
  const mark = { type: 'picture', url, x: 100, y: 60, width: 120, height: 80 } as const;
  const on = await onAir({ users: { ann: red }, part: { watermarks: [mark] } });
  const mixed: Rgb = [127, 0, 128];
  await expectPicture(on, [patch(RED, 0, 0, 640, 360), patch(mixed, 160, 60, 60, 80)]);
  const cells = [{ ...CELL, width: 640, height: 360, zOrder: 1 }];
  on.change({ layout: { mode: 'custom', cells } });
  await expectPicture(on, [patch(RED, 0, 0, 640, 360)]);
  on.change({ watermarks: [{ ...mark, zOrder: 2 }] });
  await expectPicture(on, [patch(RED, 0, 0, 640, 360), patch(mixed, 160, 60, 60, 80)]);
});

test('of a source the part is shown that its crop takes, cut at its edges', async () => {
  const right = { ...CELL, renderMode: 'fit' as const, crop: { x: 160, y: 0, width: 160, height: 180 } };
  const on = await onAir({ users: { ann: halves }, layout: { mode: 'custom', cells: [right] } });
  await expectPicture(on, [patch(BLACK, 0, 0, 320, 180), patch(BLUE, 80, 0, 160, 180)]);
  const beyond = { ...CELL, crop: { x: 200, y: 60, width: 5000, height: 5000 } };
  on.change({ layout: { mode: 'custom', cells: [beyond] } });
  await expectPicture(on, [patch(BLUE, 0, 0, 320, 180)]);
  // Where nothing of the picture is left all of it is shown.
  on.change({ layout: { mode: 'custom', cells: [{ ...CELL, crop: { ...right.crop, x: 900 } }] } });
  await expectPicture(on, [patch(RED, 0, 0, 160, 180), patch(BLUE, 160, 0, 160, 180)]);
});

test('opacity lets what lies below shine through, margins too', async () => {
  const cells = [
    { ...CELL, width: 640, height: 360, zOrder: 0 },
    { x: 160, y: 60, width: 320, height: 240, zOrder: 1, opacity: 0.5, renderMode: 'fit' as const },
  ];
  const blue = await makeColourClip({ color: 'blue', toneHz: 600, size: '320x180', fps: 15 });
  const on = await onAir({ users: { ann: red, bob: blue }, layout: { mode: 'custom', cells } });
  await expectPicture(on, [
    patch(RED, 0, 0, 640, 360),
    patch([128, 0, 0], 160, 60, 320, 240),
    patch([127, 0, 128], 160, 90, 320, 180),
  ]);
});

test('an update of a watermark comes whole, at one frame, without a new encoder', async () => {
  const [first, second] = [
    server.serve('/lime.png', lime),
    server.serve('/white.png', await makePicture('color=white:s=160x90', PNG)),
  ];
  const mark = { type: 'picture', url: first, x: 40, y: 40, width: 160, height: 90 } as const;
  const moved = { ...mark, url: second, x: 400 };
  const on = await onAir({ users: { ann: red }, part: { watermarks: [mark] } });
  const before = [patch(RED, 0, 0, 640, 360), patch(LIME, 40, 40, 160, 90)];
  const after = [patch(RED, 0, 0, 640, 360), patch(WHITE, 400, 40, 160, 90)];
  await expectPicture(on, before);
  on.change({ watermarks: [moved] });
  await expectPicture(on, after);
  const pictures = await allPictures(await on.recording(), width, height);
  const isLike = (picture: Picture, patches: readonly Patch[]) =>
    differences(picture, patches, BACKGROUND).length === 0;
  const fromFirst = pictures.slice(pictures.findIndex((picture) => isLike(picture, before)));
  const at = fromFirst.findIndex((picture) => isLike(picture, after));
  expect(at).toBeGreaterThan(0);
  expect(fromFirst.slice(0, at).filter((picture) => !isLike(picture, before))).toEqual([]);
  expect(fromFirst.slice(at).filter((picture) => !isLike(picture, after))).toEqual([]);
  expect(on.status()?.encoderStarts).toBe(1);
});

test('a picture that cannot be had is absent, and an event says so once, without the query', async () => {
  const missing = `${server.serve('/secret.png', (response) => response.writeHead(404).end())}?ticket=hidden`;
  const watermarks = [
    { type: 'picture', url: missing, x: 0, y: 0, width: 100, height: 100 },
    { type: 'picture', url: missing, x: 200, y: 0, width: 50, height: 50 },
    { type: 'picture', url: 'http://169.254.169.254/latest', x: 0, y: 200, width: 50, height: 50 },
  ] as const;
  const on = await onAir({ users: { ann: red }, part: { watermarks } });
  await expectPicture(on, [patch(RED, 0, 0, 640, 360)]);
  const failed = await eventually(() => {
    const events = on.events.filter((event) => event.type === 'picture-failed');
    return events.length >= 2 ? events : null;
  });
  expect(failed.map(({ url, reason }) => [url.replace(/:\d+/, ''), reason]).sort()).toEqual([
    ['http://127.0.0.1/secret.png', 'the server answers 404'],
    ['http://169.254.169.254/latest', expect.stringContaining('not a public one')],
  ]);
  expect(JSON.stringify(on.events)).not.toContain('hidden');
  expect(server.requests('/secret.png')).toBe(1);
});

test('a picture comes over HTTPS from a server whose authority the operator added', async () => {
  const secure = await startSecurePictures(lime);
  try {
    const url = `${secure.url}/lime.png`;
    const mark = { type: 'picture', url, x: 0, y: 0, width: 160, height: 90 } as const;
    const on = await secure.trusted(() => onAir({ users: { ann: red }, part: { watermarks: [mark] } }));
    await expectPicture(on, [patch(RED, 0, 0, 640, 360), patch(LIME, 0, 0, 160, 90)]);
  } finally {
    await secure.close();
  }
});

test('a programme that is stopped leaves no fetch and no child behind', async () => {
  let left = false;
  const url = server.serve('/silent.png', (response) => {
    response.once('close', () => {
      left = true;
    });
  });
  const mark = { type: 'picture', url, x: 0, y: 0, width: 160, height: 90 } as const;
  const on = await onAir({ users: { ann: red }, part: { watermarks: [mark] } });
  await eventually(() => server.requests('/silent.png') === 1);
  expect(left).toBe(false);
  expect(await on.child.stop()).toMatchObject({ code: 0 });
  await eventually(() => left, 2000);
});
