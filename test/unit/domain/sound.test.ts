import { describe, expect, it } from 'vitest';
import type { RoomId } from '../../../src/domain/ids.ts';
import type { SoundRules } from '../../../src/domain/programme.ts';
import type { RoomUser } from '../../../src/domain/room-user.ts';
import { levelOf, volumeOf } from '../../../src/domain/sound.ts';

const seven: RoomId = { kind: 'number', value: 7 };
const sevenText: RoomId = { kind: 'string', value: '7' };
const ann: RoomUser = { userId: 'ann' };
const farAnn: RoomUser = { userId: 'ann', room: seven };

describe('the gain of a user', () => {
  it.each<[string, SoundRules | undefined, RoomUser, number]>([
    ['everyone without rules', undefined, ann, 1],
    ['everyone with empty lists', { allow: [], block: [], levels: [] }, ann, 1],
    ['who is allowed', { allow: [ann] }, ann, 1],
    ['nobody else then', { allow: [ann] }, { userId: 'bob' }, 0],
    ['not who is blocked', { block: [ann] }, ann, 0],
    ['all others then', { block: [ann] }, { userId: 'bob' }, 1],
    ['not who is on both lists', { allow: [ann], block: [ann] }, ann, 0],
    ['a level', { levels: [{ userId: 'ann', level: 50 }] }, ann, 0.5],
    ['level 0', { levels: [{ userId: 'ann', level: 0 }] }, ann, 0],
    ['level 100', { levels: [{ userId: 'ann', level: 100 }] }, ann, 1],
    ['no level of another', { levels: [{ userId: 'bob', level: 10 }] }, ann, 1],
    [
      'no level of who is not allowed',
      { allow: [{ userId: 'bob' }], levels: [{ ...ann, level: 80 }] },
      ann,
      0,
    ],
    ['ids in any case', { block: [{ userId: 'ANN' }] }, { userId: 'Ann' }, 0],
    ['a user of another room by its room', { block: [farAnn] }, farAnn, 0],
    ['not the namesake of this room', { block: [farAnn] }, ann, 1],
    ['not the namesake of the other room', { block: [ann] }, farAnn, 1],
    ['not of a room whose name looks alike', { allow: [farAnn] }, { ...ann, room: sevenText }, 0],
  ])('is that of %s', (_case, rules, user, gain) => {
    expect(levelOf(rules, user, false)).toBe(gain);
  });

  it('is 0 while the room blocks the sound, whatever the rules say', () => {
    expect(levelOf({ allow: [ann], levels: [{ ...ann, level: 100 }] }, ann, true)).toBe(0);
  });
});

describe('the volume of a sound', () => {
  it.each([
    [0, 0],
    [Math.SQRT1_2, 100],
    [1, 100],
    [Math.SQRT1_2 / 2, 90],
    [Math.SQRT1_2 / 8, 70],
    [Math.SQRT1_2 / 1000, 0],
    [1e-9, 0],
  ])('of RMS %d is %d', (rms, volume) => {
    expect(volumeOf(rms)).toBe(volume);
  });
});
