import type { Permit } from '../domain/ticket-rights.ts';

export type Noticed = 'none' | 'expiring' | 'expired';

/** What a member whose ticket ends is to be told next; null: nothing. Times in unix ms. */
export function nextNotice(
  { expiresAt }: Permit,
  noticed: Noticed,
  nowMs: number,
  aheadMs: number,
): { readonly notice: Exclude<Noticed, 'none'>; readonly expiresAt: number } | null {
  if (expiresAt === null || noticed === 'expired') return null;
  if (nowMs > expiresAt) return { notice: 'expired', expiresAt };
  if (noticed === 'none' && nowMs > expiresAt - aheadMs) return { notice: 'expiring', expiresAt };
  return null;
}
