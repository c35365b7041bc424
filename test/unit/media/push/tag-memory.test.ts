import { describe, expect, it } from 'vitest';
import { createGopKeeper } from '../../../../src/media/flv/gop.ts';
import { type FlvTag, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from '../../../../src/media/flv/tag.ts';
import { createTagMemory } from '../../../../src/media/push/tag-memory.ts';
import { seededWhole } from '../../../support/random.ts';

const KEY = [0x17, 1];
const FRAME = [0x27, 1];
const HEADER = [0x17, 0];
const SOUND = [0xaf, 1];

function tagOf(type: FlvTag['type'], first: readonly number[], length: number, fill: number): FlvTag {
  return { type, timestamp: fill, data: Buffer.concat([Buffer.from(first), Buffer.alloc(length, fill)]) };
}

/** Sound, a frame, or once in gopFrames a key frame. */
function randomTag(whole: (below: number) => number, gopFrames: number): FlvTag {
  const fill = whole(251);
  if (whole(3) === 0) return tagOf(TAG_AUDIO, SOUND, 300, fill);
  return whole(gopFrames) === 0
    ? tagOf(TAG_VIDEO, KEY, whole(120_000), fill)
    : tagOf(TAG_VIDEO, FRAME, whole(9000), fill);
}

describe('the memory for tags', () => {
  it.each([
    [1, 60],
    [2, 300],
    [3, 2],
  ])(
    'leaves alone what is needed, the rest is written over (random stream %i, GOPs of about %i frames)',
    (seed, gopFrames) => {
      const whole = seededWhole(seed);
      const keeper = createGopKeeper();
      const all: { readonly sent: FlvTag; readonly kept: FlvTag }[] = [];
      const memories = new Set<ArrayBufferLike>();
      let gathered = 0;
      const needed = () => Math.max(keeper.frames(), gathered);
      const memory = createTagMemory({ needed });
      for (let at = 0; at < 6000; at += 1) {
        const sent = randomTag(whole, gopFrames);
        const kept = memory.copy(sent);
        memories.add(kept.data.buffer);
        all.push({ sent, kept });
        keeper.push(kept);
        gathered += 1;
        if (whole(10) > 0) continue;
        const held = all.slice(-needed());
        expect(held.every((one) => one.kept.data.equals(one.sent.data))).toBe(true);
        expect(keeper.snapshot().tags).toEqual(
          all.slice(all.length - keeper.frames()).map(({ kept }) => kept),
        );
        gathered = 0;
      }
      // About 30 MB went through.
      expect(memories.size).toBeLessThan(60);
    },
  );

  it('gives headers and script data memory of their own', () => {
    const memory = createTagMemory({ needed: () => 0 });
    const header = memory.copy(tagOf(TAG_VIDEO, HEADER, 40, 1));
    const script = memory.copy(tagOf(TAG_SCRIPT, [], 40, 2));
    for (let at = 0; at < 100; at += 1) memory.copy(tagOf(TAG_VIDEO, FRAME, 30_000, 3));
    expect([header, script]).toEqual([tagOf(TAG_VIDEO, HEADER, 40, 1), tagOf(TAG_SCRIPT, [], 40, 2)]);
  });

  it('is used again by the next streams, whatever length they have', () => {
    const rounds = Array.from({ length: 5 }, () => {
      const memory = createTagMemory({ needed: () => 1 });
      return Array.from({ length: 200 }, () => memory.copy(tagOf(TAG_VIDEO, FRAME, 20_000, 1)).data.buffer);
    });
    expect(rounds.every((memories) => new Set(memories).size <= 4)).toBe(true);
  });
});
