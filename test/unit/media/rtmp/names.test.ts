import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type LookupFunction } from 'node:net';
import { expect, it } from 'vitest';
import { createNames, type LookUpAll } from '../../../../src/media/rtmp/names.ts';

const ADDRESSES = [{ address: '192.0.2.1', family: 4 }];
const never = Number.POSITIVE_INFINITY;

/** The system's look-up as the test says: each waits until it is answered. */
function system() {
  const asked: string[] = [];
  const waiting: Parameters<LookUpAll>[2][] = [];
  const lookUpAll: LookUpAll = (host, _options, callback) => {
    asked.push(host);
    waiting.push(callback);
  };
  const fail = (code: string) => waiting.shift()?.(Object.assign(new Error(code), { code }), []);
  return { asked, lookUpAll, answer: () => waiting.shift()?.(null, ADDRESSES), fail };
}

function find(names: LookupFunction, host: string): Promise<unknown> {
  return new Promise((resolve) => {
    names(host, { all: true }, (error, found) => resolve(error?.code ?? found));
  });
}

it('connections that want one name at the same time share a look-up, and the next ones have a new one', async () => {
  const { asked, lookUpAll, answer } = system();
  const names = createNames({ lookUpAll });
  const both = [find(names, 'a'), find(names, 'a'), find(names, 'b')];
  expect(asked).toEqual(['a', 'b']);
  answer();
  answer();
  expect(await Promise.all(both)).toEqual([ADDRESSES, ADDRESSES, ADDRESSES]);
  void find(names, 'a');
  expect(asked).toEqual(['a', 'b', 'a']);
});

it('while a look-up hangs the name has its last addresses, and no attempt begins another look-up', async () => {
  const { asked, lookUpAll, answer } = system();
  const names = createNames({ lookUpAll, slowMs: 5 });
  const first = find(names, 'a');
  answer();
  await first;
  for (let attempt = 0; attempt < 5; attempt += 1) expect(await find(names, 'a')).toEqual(ADDRESSES);
  expect(asked).toEqual(['a', 'a']);
});

it.each([
  ['EAI_AGAIN', ADDRESSES],
  ['ENOTFOUND', 'ENOTFOUND'],
])('after %s a name that was known has %j', async (code, expected) => {
  const { lookUpAll, answer, fail } = system();
  const names = createNames({ lookUpAll, slowMs: 60_000 });
  const first = find(names, 'a');
  answer();
  await first;
  const second = find(names, 'a');
  fail(code);
  expect(await second).toEqual(expected);
  const unknown = find(names, 'b');
  fail(code);
  expect(await unknown).toBe(code);
});

it('remembers so many names and no more', async () => {
  const { asked, lookUpAll, answer } = system();
  const names = createNames({ lookUpAll, slowMs: 1, maxKnown: 2 });
  for (const host of ['a', 'b', 'c']) {
    const found = find(names, host);
    answer();
    await found;
  }
  expect(await find(names, 'c')).toEqual(ADDRESSES);
  const forgotten = Promise.race([
    find(names, 'a'),
    new Promise((resolve) => setTimeout(resolve, 50, never)),
  ]);
  expect(await forgotten).toBe(never);
  expect(asked).toEqual(['a', 'b', 'c', 'c', 'a']);
});

it('takes names from where the system has them, as a socket asks for them', async () => {
  const server = createServer((socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const autoSelectFamily of [true, false]) {
    const lookup = createNames();
    const family = autoSelectFamily ? {} : { family: 4 };
    const socket = createConnection({ host: 'localhost', port, autoSelectFamily, lookup, ...family });
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    socket.destroy();
  }
  server.close();
});
