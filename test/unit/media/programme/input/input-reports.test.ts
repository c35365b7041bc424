import { expect, test } from 'vitest';
import type { MixEventBody } from '../../../../../src/domain/mix-event.ts';
import { createInputReports } from '../../../../../src/media/programme/input/input-reports.ts';

function setUp() {
  const events: MixEventBody[] = [];
  const clock = { ms: 0 };
  const reports = createInputReports({
    streamId: 'ann',
    onEvent: (event) => events.push(event),
    now: () => clock.ms,
  });
  return { events, clock, reports };
}

test('a source that changes all the time is told of once a second, for each kind of change', () => {
  const { events, clock, reports } = setUp();
  for (clock.ms = 0; clock.ms < 3000; clock.ms += 10) {
    reports.changed('size', `${clock.ms}`);
    reports.changed('codec', `${clock.ms}`);
  }
  expect(events.map((event) => event.type === 'input-changed' && `${event.what} ${event.detail}`)).toEqual([
    'size 0',
    'codec 0',
    'size 1000',
    'codec 1000',
    'size 2000',
    'codec 2000',
  ]);
});

test('picture and sound that cannot be mixed are both told, and not again for ten seconds', () => {
  const { events, clock, reports } = setUp();
  for (clock.ms = 0; clock.ms <= 10_000; clock.ms += 100) {
    reports.unsupported('picture', 'vp08', 'this codec cannot be mixed');
    reports.unsupported('sound', 'Opus', 'this codec cannot be mixed');
  }
  expect(events.map((event) => event.type === 'input-unsupported' && event.codec)).toEqual([
    'vp08',
    'Opus',
    'vp08',
    'Opus',
  ]);
});
