import { expect, test } from 'vitest';
import { createCanvasPool } from '../../../../src/media/canvas/canvas-pool.ts';

test('the encoder may be two seconds behind, and what it took longer for is not kept', () => {
  let made = 0;
  const pool = createCanvasPool(() => ({ id: ++made }), { fps: 10, frameBytes: 1000 });
  const taken = Array.from({ length: 20 }, () => pool.take());
  expect(taken.every((canvas) => canvas !== null)).toBe(true);
  expect(pool.take()).toBeNull();
  for (const canvas of taken) if (canvas) pool.giveBack(canvas);
  for (let count = 0; count < 6; count++) pool.take();
  expect(made).toBe(20);
  pool.take();
  expect(made).toBe(21);
});
