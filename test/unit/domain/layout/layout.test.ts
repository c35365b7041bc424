import { describe, expect, test } from 'vitest';
import type { LayoutBox, LayoutInput } from '../../../../src/domain/layout/box.ts';
import { withLayout } from '../../../../src/domain/layout/change.ts';
import { layOut, mixedStreams } from '../../../../src/domain/layout/layout.ts';
import { checkLayout } from '../../../../src/domain/layout/rules.ts';
import type { LayoutSpec } from '../../../../src/domain/layout/spec.ts';
import { DEFAULT_PROGRAMME } from '../../../../src/domain/programme.ts';
import { sameSpec } from '../../../../src/domain/same-spec.ts';

const HD = { width: 1280, height: 720 };

function stream(userId: string, change: Partial<LayoutInput> = {}): LayoutInput {
  const kind = change.stream ?? 'main';
  return { streamId: `${userId}_${kind}`, userId, stream: kind, audioOnly: false, ...change };
}

const users = (count: number) => Array.from({ length: count }, (_, index) => stream(`u${index + 1}`));
const ids = (boxes: readonly { streamId: string | null }[]) => boxes.map((box) => box.streamId);

describe('who stands where', () => {
  const room = [stream('ann'), stream('ann', { stream: 'aux' }), stream('bob'), stream('cid')];

  test('a user who leaves frees the cell and the later ones close up', () => {
    const [first, , ...later] = users(4);
    if (!first) throw new Error('no user');
    const before = layOut({ mode: 'grid' }, users(4), HD);
    const after = layOut({ mode: 'grid' }, [first, ...later], HD);
    expect(ids(after)).toEqual(['u1_main', 'u3_main', 'u4_main']);
    expect(after[1]?.x).toBe(before[1]?.x);
  });

  test('camera and screen of one user have a cell each', () => {
    expect(ids(layOut({ mode: 'grid' }, room, HD))).toEqual(['ann_main', 'ann_aux', 'bob_main', 'cid_main']);
  });

  test.each<[string, LayoutSpec, string]>([
    ['the first in the room floats below all', { mode: 'floating' }, 'ann_main'],
    [
      'a main user is found in any case of letters',
      { mode: 'floating', main: { userId: 'BOB' } },
      'bob_main',
    ],
    [
      'a main user who is away is replaced by the first',
      { mode: 'floating', main: { userId: 'eve' } },
      'ann_main',
    ],
    ['the camera floats', { mode: 'floating', main: { userId: 'ann' } }, 'ann_main'],
    ['the screen is shared', { mode: 'share', main: { userId: 'ann' } }, 'ann_aux'],
    ['or the camera of who has no screen', { mode: 'share', main: { userId: 'cid' } }, 'cid_main'],
    ['or the stream named', { mode: 'share', main: { userId: 'ann', stream: 'main' } }, 'ann_main'],
  ])('%s', (_what, layout, wanted) => {
    const boxes = layOut(layout, room, HD);
    expect(boxes[0]?.streamId).toBe(wanted);
    expect(new Set(ids(boxes)).size).toBe(4);
  });

  test('who has no video has a cell only where that is asked for', () => {
    const some = [stream('ann'), stream('bob', { audioOnly: true }), stream('cid')];
    expect(ids(layOut({ mode: 'grid' }, some, HD))).toEqual(['ann_main', 'cid_main']);
    expect(layOut({ mode: 'grid', holdAudioOnly: true }, some, HD)).toHaveLength(3);
  });
});

describe('who is mixed', () => {
  test('the first sixteen, and the main user in any case', () => {
    expect(mixedStreams({ mode: 'grid' }, users(20))).toEqual(users(16));
    const mixed = mixedStreams({ mode: 'share', main: { userId: 'u20' } }, users(20));
    expect(ids(mixed)).toEqual([...ids(users(15)), 'u20_main']);
  });

  test('as many as a recording asks for', () => {
    expect(mixedStreams({ mode: 'grid' }, users(30), 25)).toEqual(users(25));
    expect(mixedStreams({ mode: 'floating', main: { userId: 'u9' } }, users(30), 3)).toHaveLength(3);
  });

  const STUDIO = { kind: 'string', value: 'studio' } as const;
  const guest = stream('u1', { streamId: 'guest', room: STUDIO });
  const at = { x: 0, y: 0, width: 320, height: 180 };

  test('users of another room in the cells that name them, and nowhere else', () => {
    const named = { ...at, source: { userId: 'U1', stream: 'main', room: STUDIO } as const };
    const all = [...users(3), guest];
    expect(ids(mixedStreams({ mode: 'custom', cells: [at, named] }, all))).toEqual(['u1_main', 'guest']);
    expect(ids(layOut({ mode: 'custom', cells: [at, named] }, all, HD))).toEqual(['u1_main', 'guest']);
    expect(ids(mixedStreams({ mode: 'custom', cells: [at, at, at, at] }, all))).toEqual(ids(users(3)));
    expect(ids(mixedStreams({ mode: 'floating', main: { userId: 'u1' } }, [guest]))).toEqual([]);
    expect(layOut({ mode: 'grid' }, [guest], HD)).toEqual([]);
  });

  test('a user of the own room is not who has the same name in another', () => {
    const own = { ...at, source: { userId: 'u1', stream: 'main' } as const };
    const other = { kind: 'number', value: 5 } as const;
    const named = { ...at, source: { ...own.source, room: other } };
    expect(ids(mixedStreams({ mode: 'custom', cells: [own] }, [guest, ...users(1)]))).toEqual(['u1_main']);
    expect(mixedStreams({ mode: 'custom', cells: [named] }, [guest, ...users(1)])).toEqual([]);
  });

  test('in a custom layout those with a cell and nobody else', () => {
    const box = { x: 0, y: 0, width: 320, height: 180 };
    const cells = [{ ...box, source: { userId: 'u3', stream: 'main' } as const }, box];
    expect(ids(mixedStreams({ mode: 'custom', cells }, users(5)))).toEqual(['u1_main', 'u3_main']);
  });
});

function meet(a: LayoutBox, b: LayoutBox): boolean {
  const besides = a.x + a.width <= b.x || b.x + b.width <= a.x;
  const above = a.y + a.height <= b.y || b.y + b.height <= a.y;
  return !besides && !above;
}

const CANVASES = [
  [1280, 720],
  [1920, 1080],
  [1080, 1920],
  [640, 360],
  [854, 480],
  [322, 182],
  [1918, 1078],
  [40, 1920],
  [16, 16],
] as const;

describe.each(CANVASES)('on %ix%i', (width, height) => {
  test.each<LayoutSpec>([
    { mode: 'grid' },
    { mode: 'floating' },
    { mode: 'share' },
    { mode: 'share', main: { userId: 'u2' } },
    { mode: 'share', main: { userId: 'u1' }, mainSide: 'right' },
  ])('%o: even boxes inside the canvas, and only on the floating big one do others lie', (layout) => {
    for (let count = 1; count <= 25; count += 1) {
      const boxes = layOut(layout, users(count), { width, height }, { maxInputs: 25 });
      const values = boxes.flatMap((box) => [box.x, box.y, box.width, box.height]);
      expect(values.filter((value) => value % 2 !== 0 || value < 0)).toEqual([]);
      expect(boxes.filter((box) => box.x + box.width > width || box.y + box.height > height)).toEqual([]);
      const level = layout.mode === 'floating' ? boxes.slice(1) : boxes;
      const pairs = level.flatMap((box, at) => level.slice(at + 1).map((other) => [box, other] as const));
      expect(pairs.filter(([box, other]) => meet(box, other))).toEqual([]);
    }
  });
});

describe('a change of the layout', () => {
  const from = (layout: LayoutSpec) => ({ ...DEFAULT_PROGRAMME, layout });
  const share: LayoutSpec = { mode: 'share', main: { userId: 'ann' }, mainSide: 'right', renderMode: 'fit' };

  test.each<[string, LayoutSpec, Parameters<typeof withLayout>[1], LayoutSpec]>([
    [
      'of the mode keeps main user and render mode',
      share,
      { layout: 'floating', main: undefined },
      { mode: 'floating', main: { userId: 'ann' }, renderMode: 'fit' },
    ],
    [
      'to the grid has no main user',
      share,
      { layout: 'grid', main: undefined },
      { mode: 'grid', renderMode: 'fit' },
    ],
    [
      'of the main user keeps the rest',
      share,
      { layout: undefined, main: 'bob' },
      { ...share, main: { userId: 'bob' } },
    ],
    [
      'to a whole layout is that layout',
      share,
      { layout: { mode: 'floating' }, main: undefined },
      { mode: 'floating' },
    ],
    [
      'from a custom one begins anew',
      { mode: 'custom', cells: [] },
      { layout: 'share', main: 'bob' },
      { mode: 'share', main: { userId: 'bob' } },
    ],
  ])('%s', (_what, present, asked, wanted) => {
    expect(withLayout(from(present), asked)).toEqual(from(wanted));
  });

  test.each<[string, Parameters<typeof withLayout>[1]]>([
    ['a main user in a grid', { layout: 'grid', main: 'ann' }],
    ['a main user of a layout that has none', { layout: undefined, main: 'ann' }],
  ])('is refused for %s', (_what, asked) => {
    expect(() => withLayout(from({ mode: 'grid' }), asked)).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  });
});

describe('a custom layout', () => {
  const cell = { x: 0, y: 0, width: 640, height: 360 };
  const ann = { ...cell, source: { userId: 'ann', stream: 'main' } as const };

  test('may overlap and reach the edges', () => {
    expect(() =>
      checkLayout({ mode: 'custom', cells: [cell, { ...cell, x: 640, y: 360 }] }, HD),
    ).not.toThrow();
  });

  test.each([
    ['beyond the canvas', [{ ...cell, x: 642 }]],
    ['left of it', [{ ...cell, x: -2 }]],
    ['without a size', [{ ...cell, width: 0 }]],
    ['in half pixels', [{ ...cell, y: 0.5 }]],
    ['for one stream twice', [ann, { ...ann, x: 640, source: { userId: 'ANN', stream: 'main' } as const }]],
    ['too many', Array.from({ length: 17 }, () => cell)],
  ])('is refused with cells %s', (_what, cells) => {
    expect(() => checkLayout({ mode: 'custom', cells }, HD)).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  });
});

test('layouts are the same whatever the order of their fields', () => {
  expect(sameSpec({ mode: 'share', main: { userId: 'a' } }, { main: { userId: 'a' }, mode: 'share' })).toBe(
    true,
  );
  expect(sameSpec({ mode: 'share', main: { userId: 'a' } }, { mode: 'share' })).toBe(false);
});
