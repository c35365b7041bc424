import type { SoundRules } from './programme.ts';
import { type RoomUser, sameRoomUser } from './room-user.ts';

const FULL_LEVEL = 100;
/** Quieter than this below a full-scale tone is silence. */
const VOLUME_RANGE_DB = 60;
/** From this volume on somebody speaks (42 dB below full scale); noise of a room and a fan lie below. */
export const SPEAKING_FROM = 30;

/**
 * Gain 0 to 1 of a user's camera and screen alike. Linear in amplitude: level 50 halves every sample (-6 dB), as
 * the volume controls of the SDKs do. Users of other rooms are named with their room; an empty list is none.
 */
export function levelOf(rules: SoundRules | undefined, user: RoomUser, isBlocked: boolean): number {
  const { allow = [], block = [], levels = [] } = rules ?? {};
  if (isBlocked || block.some((one) => sameRoomUser(one, user))) return 0;
  if (allow.length > 0 && !allow.some((one) => sameRoomUser(one, user))) return 0;
  const level = levels.find((one) => sameRoomUser(one, user))?.level ?? FULL_LEVEL;
  return Math.min(Math.max(level, 0), FULL_LEVEL) / FULL_LEVEL;
}

/**
 * Volume 0 to 100 of an RMS where samples reach 1. Even in decibels, as loudness is heard: a full-scale tone is
 * 100, each 6 dB less take away 10, and from 60 dB less on it is 0.
 */
export function volumeOf(rms: number): number {
  if (rms <= 0) return 0;
  const belowFullDb = -20 * Math.log10(rms * Math.SQRT2);
  return Math.round(100 * Math.min(1, Math.max(0, 1 - belowFullDb / VOLUME_RANGE_DB)));
}
