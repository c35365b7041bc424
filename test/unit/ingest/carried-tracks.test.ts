import { expect, test } from 'vitest';
import { CarriedTracks } from '../../../src/ingest/carried-tracks.ts';
import { preparePacket } from '../../../src/ingest/packets.ts';

const BODIES = {
  soundHeader: [8, 0xaf, 0, 0x11, 0x90],
  sound: [8, 0xaf, 1, 0x21, 0x10],
  pictureHeader: [9, 0x17, 0, 0, 0, 0, 1],
  keyFrame: [9, 0x17, 1, 0, 0, 0, 1],
  frame: [9, 0x27, 1, 0, 0, 0, 1],
} as const;

/** What is new with which of these. */
function news(...sent: readonly (keyof typeof BODIES)[]): unknown[] {
  const carried = new CarriedTracks();
  return sent.map((what) => {
    const [type, ...body] = BODIES[what];
    const data = Buffer.from(body);
    const packet = preparePacket({ codec_type: type, flags: 0, dts: 0, pts: 0, size: data.length, data });
    return packet !== null && carried.isNew(packet) ? carried.tracks : null;
  });
}

const SOUND = { audio: true, video: false };
const PICTURE = { audio: false, video: true };
const BOTH = { audio: true, video: true };

test('a track is carried from its first frame on, whatever was announced before', () => {
  expect(news('soundHeader', 'pictureHeader', 'sound', 'sound', 'keyFrame', 'frame', 'keyFrame')).toEqual([
    ...[null, null, SOUND, null, BOTH, null, null],
  ]);
});

test('a picture that nobody can decode yet is not carried', () => {
  expect(news('pictureHeader', 'frame', 'keyFrame', 'sound')).toEqual([null, null, PICTURE, BOTH]);
});
