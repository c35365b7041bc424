import { describe, expect, it } from 'vitest';
import { changeRetry } from '../../../../src/domain/push/retry-change.ts';
import { DEFAULT_RETRY } from '../../../../src/domain/push/retry-policy.ts';

describe('a change of retries', () => {
  it('is one field by field, the later over the earlier', () => {
    const app = { network: { maxSeconds: 10 }, refused: { attempts: 10 } };
    expect(changeRetry(DEFAULT_RETRY, app, { refused: { attempts: null } }, undefined)).toEqual({
      network: { firstSeconds: 1, maxSeconds: 10, attempts: null },
      refused: { firstSeconds: 1, maxSeconds: 30, attempts: null },
    });
    expect(changeRetry(DEFAULT_RETRY)).toEqual(DEFAULT_RETRY);
  });

  it('of the first pause alone makes the longest one as long at least', () => {
    expect(changeRetry(DEFAULT_RETRY, { network: { firstSeconds: 60 } }).network).toEqual({
      firstSeconds: 60,
      maxSeconds: 60,
      attempts: null,
    });
  });

  it('cannot make the longest pause shorter than the first', () => {
    expect(() => changeRetry(DEFAULT_RETRY, { refused: { firstSeconds: 5, maxSeconds: 2 } })).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  });
});
