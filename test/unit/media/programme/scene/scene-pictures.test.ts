import { beforeEach, expect, test } from 'vitest';
import type { LayoutSpec } from '../../../../../src/domain/layout/spec.ts';
import { frameBytes } from '../../../../../src/media/canvas/frame-pool.ts';
import type { Picture } from '../../../../../src/media/canvas/picture.ts';
import { frame, PlainInput, standScene, wanted } from '../../../../support/plain-scene.ts';

let { scene, pictures, canvas, luma, show } = standScene();

beforeEach(() => {
  ({ scene, pictures, canvas, luma, show } = standScene());
});

/** A picture of one colour, opaque or with this alpha everywhere; its colours are multiplied by it. */
function drawing(width: number, height: number, luma: number, alpha = 255): Picture {
  const covers = (pixels: number) => new Uint8Array(pixels).fill(alpha);
  const planes =
    alpha === 255 ? null : { luma: covers(width * height), chroma: covers((width * height) / 4) };
  return { ...frame(width, height, luma), alpha: planes };
}

const LEFT = { x: 0, y: 0, width: 4, height: 4 };
const CUSTOM: LayoutSpec = { mode: 'custom', cells: [LEFT] };
const MARK = { type: 'picture', url: 'mark', x: 2, y: 2, width: 4, height: 2 } as const;

test('a background picture lies over the colour, under the cells', () => {
  pictures.there.set('back', drawing(8, 4, 30));
  const ann = new PlainInput('ann', frame(4, 4, 5));
  scene.want(wanted(CUSTOM, [ann], { backgroundPicture: { url: 'back' } }), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('5 5 5 5 30 30 30 30');
  expect(pictures.wishes).toEqual([{ type: 'url', url: 'back', renderMode: 'stretch', width: 8, height: 4 }]);
});

test('a watermark lies above a cell of its z-order, under a higher one, and lets it shine through', () => {
  // Half of 16 + 40 over what lies below.
  pictures.there.set('mark', drawing(4, 2, 36, 128));
  const ann = new PlainInput('ann', frame(4, 4, 96));
  scene.want(wanted(CUSTOM, [ann], { watermarks: [MARK] }), 0);
  scene.advance(0);
  expect(luma()[2]).toBe('96 96 76 76 36 36 17 17');
  // What is translucent is laid over a new picture once.
  ann.picture = frame(4, 4, 116);
  expect(luma()[2]).toBe('116 116 86 86 36 36 17 17');
  expect(luma()[2]).toBe('116 116 86 86 36 36 17 17');
  const above: LayoutSpec = { mode: 'custom', cells: [{ ...LEFT, zOrder: 1 }] };
  scene.want(wanted(above, [ann], { watermarks: [MARK] }), 0);
  scene.advance(0);
  expect(luma()[2]).toBe('116 116 116 116 36 36 17 17');
});

test('a change waits for its pictures, half a second at most, and each appears when it is there', () => {
  const ann = new PlainInput('ann', frame(4, 4, 5));
  show([LEFT], ann);
  scene.want(wanted(CUSTOM, [ann], { watermarks: [MARK] }), 0);
  expect(scene.advance(400)).toBe(false);
  expect(scene.advance(500)).toBe(true);
  expect(luma()[2]).toBe('5 5 5 5 17 17 17 17');
  pictures.there.set('mark', drawing(4, 2, 7));
  expect(luma()[2]).toBe('5 5 7 7 7 7 17 17');
  scene.want(wanted(CUSTOM, [ann], { watermarks: [MARK] }), 600);
  expect(scene.advance(600)).toBe(true);
  // Nor for one that cannot be had.
  pictures.failed.add('other');
  scene.want(wanted(CUSTOM, [ann], { watermarks: [{ ...MARK, url: 'other' }] }), 600);
  expect(scene.advance(600)).toBe(true);
  expect(luma()[2]).toBe('5 5 5 5 17 17 17 17');
});

test('who has no picture is stood for by the placeholder of the cell, else the common one, else a drawn figure', () => {
  const [ann, bob] = [new PlainInput('ann', frame(4, 4, 5)), new PlainInput('bob', frame(4, 4, 6))];
  const cells = [
    { ...LEFT, placeholder: 'own' },
    { ...LEFT, x: 4 },
  ];
  const layout: LayoutSpec = { mode: 'custom', cells };
  pictures.there.set('own', drawing(4, 4, 20)).set('common', drawing(4, 4, 30));
  scene.want(wanted(layout, [ann, bob], { placeholder: 'common' }), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
  ann.picture = null;
  bob.picture = null;
  expect(luma()[0]).toBe('20 20 20 20 30 30 30 30');
  pictures.there.delete('common');
  expect(luma()[0]).toMatch(/^20 20 20 20 (44|92)/);
  bob.picture = frame(4, 4, 6);
  expect(luma()[0]).toBe('20 20 20 20 6 6 6 6');
});

test('a camera that is off keeps its cell where it may, and shows the placeholder', () => {
  const ann = new PlainInput('ann', frame(8, 4, 5));
  pictures.there.set('common', drawing(8, 4, 30));
  ann.audioOnly = true;
  ann.picture = null;
  scene.want(wanted({ mode: 'grid', holdAudioOnly: true }, [ann], { placeholder: 'common' }), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('30 30 30 30 30 30 30 30');
});

test('of a user whose video is blocked nothing is decoded or shown', () => {
  const ann = new PlainInput('ann', frame(8, 4, 5));
  pictures.there.set('common', drawing(8, 4, 30));
  ann.blocked = { audio: false, video: true };
  scene.want(wanted({ mode: 'grid' }, [ann], { placeholder: 'common' }), 0);
  scene.advance(0);
  expect(ann.prepared).toEqual([null]);
  expect(luma()[0]).toBe('30 30 30 30 30 30 30 30');
});

test('a cell whose user is away shows its placeholder, or is empty', () => {
  const bob = { userId: 'bob', stream: 'main' } as const;
  const cells = [
    { ...LEFT, source: bob, placeholder: 'own' },
    { ...LEFT, x: 4, source: { ...bob, userId: 'cid' } },
  ];
  pictures.there.set('own', drawing(4, 4, 20));
  scene.want(wanted({ mode: 'custom', cells }, []), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('20 20 20 20 17 17 17 17');
});

test('a time is drawn anew when its second is over, and not before', () => {
  const glyph = { width: 24, height: 2, data: Buffer.alloc(frameBytes(24, 2)), id: 99, ptsMs: 0 };
  const covers = Uint8Array.from({ length: 48 }, (_, at) => (at % 2 === 0 ? 255 : 0));
  pictures.there.set('glyphs', { ...glyph, alpha: { luma: covers, chroma: new Uint8Array(12) } });
  const mark = { type: 'timestamp', place: 'top-left', timeZone: 0, color: '#ffffff' } as const;
  scene.want(wanted({ mode: 'grid' }, [], { watermarks: [mark] }), 0);
  scene.advance(0);
  expect(pictures.wishes).toEqual([{ type: 'glyphs', fontSize: 4 }]);
  expect(luma(10_000)[0]).toContain('235');
  canvas.data.fill(9, 0, 32);
  expect(luma(10_999)[0]).toBe('9 9 9 9 9 9 9 9');
  expect(luma(11_000)[0]).toContain('235');
});
