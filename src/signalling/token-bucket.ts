/** What of its allowance a client has left, as of a time on the monotonic clock. */
export interface TokenBucket {
  tokens: number;
  atMs: number;
}

/** Takes one token of a bucket that fills up evenly to `burst`; false when there is none. */
export function takeToken(
  bucket: TokenBucket,
  nowMs: number,
  rate: { readonly perSecond: number; readonly burst: number },
): boolean {
  const gained = (Math.max(0, nowMs - bucket.atMs) / 1000) * rate.perSecond;
  bucket.tokens = Math.min(rate.burst, bucket.tokens + gained);
  bucket.atMs = nowMs;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}
