import { expect, it } from 'vitest';
import { exposition, familiesOf } from '../../../../src/api/metrics/exposition.ts';

it('writes help, type and a line a sample, with a line feed behind the last one', () => {
  const figure = {
    name: 'x_bytes_total',
    type: 'counter',
    help: 'Bytes.',
    value: (of: number) => of,
  } as const;
  const subjects = [
    { labels: { app: '1', task: 'a' }, of: 12 },
    { labels: {}, of: 0.5 },
  ];
  expect(exposition(familiesOf([figure], subjects))).toBe(
    '# HELP x_bytes_total Bytes.\n# TYPE x_bytes_total counter\nx_bytes_total{app="1",task="a"} 12\nx_bytes_total 0.5\n',
  );
});

it('leaves a family without samples out', () => {
  expect(exposition([{ name: 'x', type: 'gauge', help: 'Nothing.', samples: [] }])).toBe('');
});

it.each([
  ['a quote', 'say "hi"', 'say \\"hi\\"'],
  ['a backslash', 'a\\b', 'a\\\\b'],
  ['a line feed', 'a\nb', 'a\\nb'],
  ['a backslash before an n', 'a\\nb', 'a\\\\nb'],
  ['all of them', '\\"\n', '\\\\\\"\\n'],
  ['letters of any script and braces', 'Zürich {室}', 'Zürich {室}'],
])('escapes %s in the value of a label', (_what, text, written) => {
  const samples = [{ labels: { room: text }, value: 1 }];
  const [, , line] = exposition([{ name: 'x', type: 'gauge', help: '', samples }]).split(/\n(?=x|#)/);
  expect(line).toBe(`x{room="${written}"} 1\n`);
});

it('escapes backslash and line feed in help, and leaves quotes there', () => {
  const [line] = exposition([
    { name: 'x', type: 'gauge', help: 'a "b"\\\nc', samples: [{ labels: {}, value: 0 }] },
  ]).split('\n');
  expect(line).toBe('# HELP x a "b"\\\\\\nc');
});

it.each([
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
  [Number.NaN, 'NaN'],
  [1e21, '1e+21'],
  [-0.25, '-0.25'],
])('writes %d as %s', (value, text) => {
  const lines = exposition([{ name: 'x', type: 'gauge', help: 'h', samples: [{ labels: {}, value }] }]);
  expect(lines).toContain(`\nx ${text}\n`);
});
