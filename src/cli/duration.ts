import { UsageError } from './command.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const FORM = /^(?:\d+h)?(?:\d+m)?(?:\d+s)?$/;
/** ISO 8601; without a zone it is this machine's time. */
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/;

/** `90s`, `10m`, `1h` or `1h30m` in ms; throws UsageError on anything else, and on nothing at all. */
export function parseDuration(option: string, text: string): number {
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+)([hms])/g)) {
    total += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  if (!FORM.test(text) || total === 0 || !Number.isSafeInteger(total)) {
    throw new UsageError(`${option} is a duration like 90s, 10m, 1h or 1h30m`);
  }
  return total;
}

/** `2026-11-22T18:30` or `2026-11-22T17:30:00Z` in unix ms; throws UsageError on anything else. */
export function parseTime(option: string, text: string): number {
  const time = TIME.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new UsageError(`${option} is a time like 2026-11-22T18:30 (here) or 2026-11-22T17:30:00Z`);
  }
  return time;
}
