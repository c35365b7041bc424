import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { createLogger } from '../../src/log.ts';

function capture(isTTY: boolean) {
  const written: string[] = [];
  return { written, target: { isTTY, write: (text: string) => written.push(text) } };
}

describe('createLogger', () => {
  it('writes one JSON line per entry where there is no terminal', () => {
    const { written, target } = capture(false);
    createLogger('gateway', 'info', target).info({ room: 5 }, 'hello');
    expect(JSON.parse(written[0] ?? '')).toMatchObject({ name: 'gateway', level: 30, room: 5, msg: 'hello' });
  });

  it('writes readable lines to a terminal', () => {
    const { written, target } = capture(true);
    createLogger('gateway', 'info', target).warn({ room: 5, err: new Error('why') }, 'hello');
    expect(written[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}gateway: hello room=5\nError: why\n/);
  });

  it('keeps quiet below its level', () => {
    const { written, target } = capture(false);
    createLogger('gateway', 'warn', target).info('hello');
    expect(written).toEqual([]);
  });

  it.each([true, false])('hides fields that hold secrets (terminal: %s)', (isTTY) => {
    const { written, target } = capture(isTTY);
    const log = createLogger('gateway', 'info', target);
    log.info({
      usersig: 's3cret',
      ticket: 's3cret',
      key: 's3cret',
      url: 's3cret',
      any: new Secret('s3cret'),
    });
    log.info({ request: { url: 's3cret', userSig: 's3cret' } });
    expect(written.join('')).not.toContain('s3cret');
    expect(written.join('')).toContain('[hidden]');
  });
});
