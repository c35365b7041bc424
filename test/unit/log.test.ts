import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/domain/errors.ts';
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
    log.info({ request: { url: 's3cret', userSig: 's3cret', privateMapKey: 's3cret' } });
    log.info({ private_map_key: 's3cret', query: { private_map_key: 's3cret', usersig: 's3cret' } });
    expect(written.join('')).not.toContain('s3cret');
    expect(written.join('')).toContain('[hidden]');
  });

  it('tells of an error its name, text, code and context, and nothing that others hung on it', () => {
    const { written, target } = capture(false);
    const cause = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['s3cret'] } });
    const err = new GatewayError('redis-away', 'Redis is away', { cause, context: { part: 'rooms' } });
    createLogger('gateway', 'info', target).error({ err });
    createLogger('gateway', 'info', target).error({ err: cause });
    expect(written.join('')).not.toContain('s3cret');
    const told = {
      message: expect.stringContaining('Redis is away'),
      code: 'redis-away',
      context: { part: 'rooms' },
    };
    expect(JSON.parse(written[0] ?? '').err).toMatchObject(told);
    expect(JSON.parse(written[0] ?? '').err.stack).toContain('WRONGPASS');
  });

  it('hands no control character of a stranger to a terminal', () => {
    const { written, target } = capture(true);
    createLogger('hub', 'info', target).info({ user: 'a\u001b[2J\nb', room: 5 }, 'refused');
    expect(written[0]).toContain('user=a\\x1b[2J\\x0ab room=5');
  });
});
