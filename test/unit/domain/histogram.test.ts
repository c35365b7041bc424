import { expect, test } from 'vitest';
import { Histogram } from '../../../src/domain/histogram.ts';

test('a histogram counts every value at all bounds that it does not exceed', () => {
  const histogram = new Histogram([1, 5]);
  for (const value of [0, 1, 1.5, 5, 9]) histogram.observe(value);
  const view = histogram.view();
  expect(view).toEqual({ bounds: [1, 5], counts: [2, 4], total: 5, sum: 16.5 });
  histogram.observe(0);
  expect(view.counts).toEqual([2, 4]);
});
