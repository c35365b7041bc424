import { expect, test } from 'vitest';
import { LastKnown } from '../../../jobs/last-known.ts';
import { Outbox } from '../../../jobs/outbox.ts';
import { GatewayError } from '../../../src/domain/errors.ts';

const away = async (): Promise<never> => {
  throw new GatewayError('redis-away', 'Redis is away', { blame: 'system' });
};

test('a read answers with the last value while Redis is away', async () => {
  const known = new LastKnown<string>(() => false);
  expect(await known.read('a', async () => 'one')).toBe('one');
  expect(await known.read('a', away)).toBe('one');
});

test('a read of what was never known fails while Redis is away', async () => {
  const known = new LastKnown<string>(() => true);
  await expect(known.read('a', away)).rejects.toMatchObject({ code: 'redis-away' });
});

test('a missing value is believed, unless it may have been lost', async () => {
  let mayBeLost = true;
  const known = new LastKnown<string>(() => mayBeLost);
  await known.read('a', async () => 'one');
  expect(await known.read('a', async () => null)).toBe('one');
  mayBeLost = false;
  expect(await known.read('a', async () => null)).toBeNull();
  await expect(known.read('a', away)).rejects.toMatchObject({ code: 'redis-away' });
});

test('who asks in one turn of the loop shares a reading, who asks later has a younger one', async () => {
  const known = new LastKnown<number>(() => false);
  let readings = 0;
  const read = async (): Promise<number> => {
    readings += 1;
    return readings;
  };
  expect(await Promise.all(['a', 'a', 'b', 'a'].map((key) => known.read(key, read)))).toEqual([1, 1, 2, 1]);
  expect(await known.read('a', read)).toBe(3);
});

test('other failures are not hidden by what is known', async () => {
  const known = new LastKnown<string>(() => true);
  await known.read('a', async () => 'one');
  const broken = async (): Promise<never> => {
    throw new Error('broken');
  };
  await expect(known.read('a', broken)).rejects.toThrow('broken');
});

test('what could not be written while Redis was away is written by the next flush, the latest of a name only', async () => {
  const written: string[] = [];
  let isAway = true;
  const write = (text: string) => async () => {
    if (isAway) await away();
    written.push(text);
  };
  const outbox = new Outbox();
  await outbox.send('a', write('old'));
  await outbox.send('a', write('new'));
  await outbox.flush();
  expect(written).toEqual([]);
  isAway = false;
  await outbox.flush();
  await outbox.flush();
  expect(written).toEqual(['new']);
});
