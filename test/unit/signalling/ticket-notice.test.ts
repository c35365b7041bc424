import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, FREE_PERMIT } from '../../../src/domain/ticket-rights.ts';
import { type Noticed, nextNotice } from '../../../src/signalling/ticket-notice.ts';

const AT = 1_700_000_000_000;
const TICKET = { rights: ALL_RIGHTS, expiresAt: AT };

describe('the notice of a ticket', () => {
  it.each<[string, number, Noticed, string | null]>([
    ['nothing long before its end', -60_001, 'none', null],
    ['that it expires, a minute before', -59_999, 'none', 'expiring'],
    ['that once', -30_000, 'expiring', null],
    ['that it has expired', 1, 'expiring', 'expired'],
    ['that it has, to who was told of nothing', 5, 'none', 'expired'],
    ['that once', 60_000, 'expired', null],
  ])('tells %s', (_what, afterEnd, noticed, notice) => {
    expect(nextNotice(TICKET, noticed, AT + afterEnd, 60_000)?.notice ?? null).toBe(notice);
  });

  it('is for nobody without a ticket', () => {
    expect(nextNotice(FREE_PERMIT, 'none', AT, 60_000)).toBeNull();
  });
});
