import { describe, expect, it } from 'vitest';
import { createRebaser } from '../../../../src/media/flv/rebase.ts';
import { scriptTag } from '../../../../src/media/flv/script.ts';
import type { FlvTag } from '../../../../src/media/flv/tag.ts';
import { seededWhole } from '../../../support/random.ts';

const video = (timestamp: number): FlvTag => ({ type: 9, timestamp, data: Buffer.from([0x27, 1, 0, 0, 0]) });
const audio = (timestamp: number): FlvTag => ({ type: 8, timestamp, data: Buffer.from([0xaf, 1, 0]) });

/** Output times of `v100`-like tags. */
function run(text: string, options: Parameters<typeof createRebaser>[0] = {}): number[] {
  const rebaser = createRebaser(options);
  return text.split(' ').map((word) => {
    const time = Number(word.slice(1));
    return rebaser.rebase(word.startsWith('v') ? video(time) : audio(time)).timestamp;
  });
}

describe('a rebaser', () => {
  const table: [string, string, number[]][] = [
    ['begins at 0', 'v5000 a5010 v5033', [0, 10, 33]],
    ['keeps one offset for both tracks', 'v5000 a4900 v5040 a4921', [0, 0, 40, 0]],
    ['goes on after a jump forward', 'v0 v40 v3600000 a3600010 v3600040', [0, 40, 80, 90, 120]],
    ['goes on after a jump back', 'v9000 a9010 v9040 v0 a10 v40', [0, 10, 40, 80, 90, 120]],
    ['takes a step of a second as it is', 'v0 v1000 v2000', [0, 1000, 2000]],
    ['crosses 2^32 of the source', 'v4294967280 v24 v64', [0, 40, 80]],
    [
      'lets a track pause while the other goes on',
      'v0 a0 a900 a1800 a2700 v2710',
      [0, 0, 900, 1800, 2700, 2710],
    ],
    ['never goes back within a track', 'v1000 v1040 v1020 v1080', [0, 40, 40, 80]],
  ];
  for (const [name, input, output] of table) it(name, () => expect(run(input)).toEqual(output));

  it('begins at the base it is given, and wraps its own output', () => {
    expect(run('v7 v47', { baseMs: 2 ** 32 - 20 })).toEqual([2 ** 32 - 20, 20]);
  });

  it('leaves the time that passed when it is asked to', () => {
    let now = 0;
    const rebaser = createRebaser({ gap: 'elapsed', now: () => now });
    rebaser.rebase(video(0));
    now = 7000;
    expect(rebaser.rebase(video(500_000)).timestamp).toBe(7000);
    now = 7001;
    expect(rebaser.rebase(video(100)).timestamp).toBe(7033);
  });

  it('begins another timeline when it is told to, though the times look near', () => {
    const jumps: unknown[] = [];
    const rebaser = createRebaser({ onJump: (jump) => jumps.push(jump) });
    rebaser.rebase(video(0));
    rebaser.rebase(video(40));
    rebaser.discontinuity();
    expect(rebaser.rebase(video(20)).timestamp).toBe(80);
    expect(rebaser.rebase(audio(21)).timestamp).toBe(81);
    expect(jumps).toEqual([{ fromMs: 40, toMs: 80, stepMs: null }]);
  });

  it('gives headers and script data the time of the last frame and takes none from them', () => {
    const rebaser = createRebaser();
    const header: FlvTag = { type: 9, timestamp: 0, data: Buffer.from([0x17, 0, 0, 0, 0]) };
    expect(rebaser.rebase(header).timestamp).toBe(0);
    rebaser.rebase(video(500_000));
    rebaser.rebase(video(500_040));
    expect(rebaser.rebase(header).timestamp).toBe(40);
    expect(rebaser.rebase(scriptTag('onMetaData')).timestamp).toBe(40);
    expect(rebaser.rebase(video(500_080)).timestamp).toBe(80);
  });

  it('never goes back within a track, whatever the source does', () => {
    const random = seededWhole(3);
    const rebaser = createRebaser();
    const last = new Map<number, number>();
    let source = 0;
    for (let round = 0; round < 5000; round += 1) {
      const kind = random(100);
      if (kind === 0) source = random(2 ** 30) * 4;
      else source = Math.max(0, source + random(60) - (kind < 10 ? 300 : 0)) % 2 ** 32;
      const out = rebaser.rebase(random(2) === 0 ? video(source) : audio(source));
      expect(out.timestamp).toBeGreaterThanOrEqual(last.get(out.type) ?? 0);
      expect(out.timestamp - Math.max(0, ...last.values())).toBeLessThanOrEqual(1000);
      last.set(out.type, out.timestamp);
    }
  });
});
