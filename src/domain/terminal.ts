/** What a user's client runs on. */
export const TERMINALS = ['windows', 'android', 'ios', 'linux', 'mac', 'web', 'other'] as const;
export type Terminal = (typeof TERMINALS)[number];
