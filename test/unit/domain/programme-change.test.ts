import { describe, expect, test } from 'vitest';
import { inOwnRoom, otherRooms } from '../../../src/domain/own-room.ts';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../../src/domain/programme.ts';
import {
  changeProgramme,
  type ProgrammeChange,
  startProgramme,
} from '../../../src/domain/programme-change.ts';

const PICTURE = 'https://pictures.test/a.png';
const full: ProgrammeSpec = {
  ...DEFAULT_PROGRAMME,
  backgroundPicture: { url: PICTURE },
  placeholder: PICTURE,
  watermarks: [{ type: 'timestamp', place: 'top', timeZone: 0 }],
  sound: { allow: [{ userId: 'ann' }], block: [{ userId: 'bob' }] },
  sei: { layoutVolume: { payloadType: 100, intervalMs: 1000 } },
  maxInputs: 4,
};

describe('a start', () => {
  test('without wishes is the default programme', () => {
    expect(startProgramme({})).toEqual(DEFAULT_PROGRAMME);
    expect(startProgramme({ watermarks: [], sound: { block: [] }, sei: {}, maxInputs: null })).toEqual(
      DEFAULT_PROGRAMME,
    );
  });

  test('sets what it names and keeps the rest of video and audio', () => {
    expect(
      startProgramme({ video: { fps: 25 }, audio: { channels: 1 }, layout: 'share', main: 'ann' }),
    ).toEqual({
      ...DEFAULT_PROGRAMME,
      video: { ...DEFAULT_PROGRAMME.video, fps: 25 },
      audio: { bitrateKbps: 128, channels: 1 },
      layout: { mode: 'share', main: { userId: 'ann' } },
    });
    expect(startProgramme({ video: null }).video).toBeNull();
  });
});

describe('a change', () => {
  test.each<[string, ProgrammeChange, Partial<ProgrammeSpec>]>([
    ['of nothing', {}, {}],
    ['of the frame rate', { video: { fps: 25 } }, { video: { ...DEFAULT_PROGRAMME.video, fps: 25 } }],
    ['of the background', { background: '#000000' }, { background: '#000000' }],
    ['of the layout', { layout: { mode: 'floating' } }, { layout: { mode: 'floating' } }],
    ['of one list of the sound', { sound: { block: [] } }, { sound: { allow: [{ userId: 'ann' }] } }],
    ['of the sound it has', { audio: { codec: 'aac-lc', bitrateKbps: 128, sampleRate: 48_000 } }, {}],
    ['of the number of inputs', { maxInputs: 9 }, { maxInputs: 9 }],
  ])('%s leaves all else', (_what, change, wanted) => {
    expect(changeProgramme(full, change)).toEqual({ ...full, ...wanted });
  });

  test.each<[string, ProgrammeChange, keyof ProgrammeSpec]>([
    ['the background picture', { backgroundPicture: null }, 'backgroundPicture'],
    ['the placeholder', { placeholder: null }, 'placeholder'],
    ['the watermarks', { watermarks: [] }, 'watermarks'],
    ['the watermarks, by null', { watermarks: null }, 'watermarks'],
    ['all sound rules', { sound: null }, 'sound'],
    ['all sound rules, list by list', { sound: { allow: [], block: [] } }, 'sound'],
    ['the SEI', { sei: null }, 'sei'],
    ['the number of inputs', { maxInputs: null }, 'maxInputs'],
  ])('can take away %s', (_what, change, field) => {
    const { [field]: _gone, ...rest } = full;
    expect(changeProgramme(full, change)).toEqual(rest);
  });

  test.each<[string, ProgrammeSpec, ProgrammeChange, RegExp]>([
    ['of the audio bitrate', full, { audio: { bitrateKbps: 64 } }, /fixed while it runs/],
    ['of the codec', full, { audio: { codec: 'he-aac' } }, /fixed while it runs/],
    ['to sound only', full, { video: null }, /cannot become one of sound only/],
    ['to video', { ...full, video: null }, { video: { fps: 25 } }, /gets no video/],
  ])('%s is refused', (_what, present, change, message) => {
    expect(() => changeProgramme(present, change)).toThrow(message);
  });

  test('of a programme of sound only leaves it one', () => {
    expect(changeProgramme({ ...full, video: null }, { video: null, maxInputs: 2 })).toMatchObject({
      video: null,
      maxInputs: 2,
    });
  });
});

describe('rooms in a programme', () => {
  const own = { kind: 'number', value: 7 } as const;
  const other = { kind: 'string', value: '7' } as const;
  const box = { x: 0, y: 0, width: 320, height: 180 };
  const at = (room: typeof own | typeof other) => ({
    ...box,
    source: { userId: 'ann', stream: 'main' as const, room },
  });

  test('the own one goes without saying, others are kept', () => {
    const said = inOwnRoom(
      {
        ...DEFAULT_PROGRAMME,
        layout: { mode: 'custom', cells: [at(own), at(other), box] },
        sound: { block: [{ userId: 'bob', room: own }], levels: [{ userId: 'bob', room: other, level: 5 }] },
      },
      own,
    );
    expect(said.layout).toEqual({
      mode: 'custom',
      cells: [{ ...box, source: { userId: 'ann', stream: 'main' } }, at(other), box],
    });
    expect(said.sound).toEqual({
      block: [{ userId: 'bob' }],
      levels: [{ userId: 'bob', room: other, level: 5 }],
    });
    expect(otherRooms(said.layout)).toEqual([other]);
  });

  test('are each looked up once, and none for a grid', () => {
    expect(otherRooms({ mode: 'custom', cells: [at(other), at(own), at(other)] })).toEqual([other, own]);
    expect(otherRooms({ mode: 'grid' })).toEqual([]);
  });
});
