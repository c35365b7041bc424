import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { type ChildAttempt, runChildLoop } from '../../../src/supervisor/child-loop.ts';
import { deferred } from '../../../src/supervisor/deferred.ts';

interface FakeChild extends ChildAttempt {
  beReady(): void;
  end(why: string): void;
  readonly asked: string[];
}

/** Children that do what the test says; those with `deaf` do not end when asked to. */
function fakeChildren(deaf = false) {
  const started = new PassThrough({ objectMode: true });
  const children: FakeChild[] = [];
  const start = (): FakeChild => {
    const ready = deferred<void>();
    const ended = deferred<string>();
    const asked: string[] = [];
    const child: FakeChild = {
      pid: children.length + 1,
      ready: ready.promise,
      ended: ended.promise,
      asked,
      beReady: () => ready.resolve(),
      end: (why) => ended.resolve(why),
      terminate: () => {
        asked.push('terminate');
        if (!deaf) ended.resolve('terminated');
      },
      kill: () => {
        asked.push('kill');
        ended.resolve('killed');
      },
    };
    children.push(child);
    started.write(child);
    return child;
  };
  const next = async () => ((await once(started, 'data')) as [FakeChild])[0];
  return { start, next, children };
}

function capture() {
  const pauses: number[] = [];
  const log = pino(
    { level: 'warn' },
    {
      write: (line: string) => {
        const { retryInMs } = JSON.parse(line) as { retryInMs?: number };
        if (retryInMs !== undefined) pauses.push(retryInMs);
      },
    },
  );
  return { log, pauses };
}

const LIMITS = { name: 'child', minBackoffMs: 1, maxBackoffMs: 4 };

describe('runChildLoop', () => {
  it('starts a child that ended again, each time after a longer pause up to the limit', async () => {
    const { start, next } = fakeChildren();
    const { log, pauses } = capture();
    const changes: boolean[] = [];
    const first = next();
    const loop = runChildLoop({ ...LIMITS, start, log, onChange: (up) => changes.push(up) });
    let child = await first;
    child.beReady();
    await loop.firstReady;
    for (let round = 0; round < 4; round += 1) {
      const following = next();
      child.end('signal SIGKILL');
      child = await following;
      child.beReady();
      await child.ready;
    }
    await loop.stop(1000);
    expect(pauses).toEqual([1, 2, 4, 4]);
    expect(changes.slice(0, 4)).toEqual([true, false, true, false]);
  });

  it('gives up with the reason when the child ends before it was ever ready', async () => {
    const { start, children } = fakeChildren();
    const loop = runChildLoop({ ...LIMITS, start, log: capture().log });
    children[0]?.end('exit code 1');
    await expect(loop.firstReady).rejects.toThrow('child did not start: exit code 1');
    await loop.stop(1000);
    expect(children).toHaveLength(1);
  });

  it('asks the child to end, and starts no other', async () => {
    const { start, children } = fakeChildren();
    const loop = runChildLoop({ ...LIMITS, start, log: capture().log });
    children[0]?.beReady();
    await loop.firstReady;
    await loop.stop(1000);
    expect(children.map((child) => child.asked)).toEqual([['terminate']]);
  });

  it('kills a child that does not end in time', async () => {
    const { start, children } = fakeChildren(true);
    const loop = runChildLoop({ ...LIMITS, start, log: capture().log });
    children[0]?.beReady();
    await loop.firstReady;
    await loop.stop(5);
    expect(children.map((child) => child.asked)).toEqual([['terminate', 'kill']]);
  });

  it('ends at once when stopped in the pause before a restart, and may be stopped twice', async () => {
    const { start, children } = fakeChildren();
    const ended = deferred<void>();
    const onChange = (up: boolean) => {
      if (!up) ended.resolve();
    };
    const slow = { ...LIMITS, minBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 };
    const loop = runChildLoop({ ...slow, start, log: capture().log, onChange });
    children[0]?.beReady();
    await loop.firstReady;
    children[0]?.end('exit code 1');
    await ended.promise;
    await loop.stop(1000);
    await loop.stop(1000);
    expect(children).toHaveLength(1);
  });

  it('tells who waits for the first start that it was stopped', async () => {
    const { start } = fakeChildren();
    const loop = runChildLoop({ ...LIMITS, start, log: capture().log });
    const waiting = expect(loop.firstReady).rejects.toThrow('child was stopped');
    await loop.stop(1000);
    await waiting;
  });
});
