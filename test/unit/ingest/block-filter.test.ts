import type { NmsPacket } from 'node-media-server/src/session/rtmp_session.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { BlockFilter } from '../../../src/ingest/block-filter.ts';
import { preparePacket } from '../../../src/ingest/packets.ts';
import { parseAvcConfig } from '../../../src/media/flv/avc-config.ts';
import { GreyPicture } from '../../../src/media/flv/grey-picture.ts';
import { silentAacFrame } from '../../../src/media/flv/silent-aac.ts';

const FREE = { audio: false, video: false };
const SOUND = { audio: true, video: false };
const PICTURE = { audio: false, video: true };
const SIZE = [162, 90] as const;

const BODIES = {
  soundHeader: [8, 0xaf, 0, 0x11, 0x90],
  sixChannels: [8, 0xaf, 0, 0x11, 0xb0],
  sound: [8, 0xaf, 1, 0x21, 0x10, 0x04],
  pictureHeader: [9, 0x17, 0, 0, 0, 0],
  otherHeader: [9, 0x90, ...Buffer.from('hvc1')],
  key: [9, 0x17, 1, 0, 0, 0, 1],
  delta: [9, 0x27, 1, 0, 0, 0, 1],
} as const;
type What = keyof typeof BODIES;

let pictureHeader: Buffer;

beforeAll(() => {
  pictureHeader = Buffer.concat([
    Buffer.from(BODIES.pictureHeader.slice(1)),
    new GreyPicture(...SIZE).config,
  ]);
});

/** In memory that the next packet overwrites, as a connection's are. */
class Publisher {
  readonly #memory = Buffer.alloc(200);
  readonly filter = new BlockFilter();
  #dts = 0;

  /** What of the packet goes on: `as it is` or the bytes in its place. */
  send(what: What, blocked: typeof FREE): (string | Buffer)[] {
    this.#dts += 40;
    const [type, ...bytes] = BODIES[what];
    const body = what === 'pictureHeader' ? pictureHeader : Buffer.from(bytes);
    this.#memory.fill(0);
    body.copy(this.#memory);
    const packet = { codec_type: type, flags: 0, dts: this.#dts, pts: this.#dts, size: body.length };
    const prepared = preparePacket({ ...packet, data: this.#memory }) as NmsPacket;
    return this.filter.pass(prepared, blocked).map((one) => {
      expect(one.dts).toBe(this.#dts);
      expect(one.size).toBe(one.data.length);
      return one === prepared ? 'as it is' : Buffer.from(one.data);
    });
  }
}

describe('of a publisher that is', () => {
  test('free, all goes on as it is', () => {
    const publisher = new Publisher();
    for (const what of ['soundHeader', 'pictureHeader', 'key', 'sound', 'delta'] as const) {
      expect(publisher.send(what, FREE)).toEqual(['as it is']);
    }
  });

  test('not to be heard, each frame of sound is a silent one, and the picture goes on', () => {
    const publisher = new Publisher();
    publisher.send('soundHeader', FREE);
    publisher.send('pictureHeader', SOUND);
    const silence = Buffer.concat([Buffer.from([0xaf, 1]), silentAacFrame(2) as Buffer]);
    expect(publisher.send('sound', SOUND)).toEqual([silence]);
    expect(publisher.send('key', SOUND)).toEqual(['as it is']);
    expect(publisher.send('sound', FREE)).toEqual(['as it is']);
  });

  test('not to be heard, sound for which there is no silence is left out', () => {
    const publisher = new Publisher();
    expect(publisher.send('sixChannels', SOUND)).toEqual(['as it is']);
    expect(publisher.send('sound', SOUND)).toEqual([]);
  });

  test('not to be seen, a grey picture of its size begins at once and ends at a key frame', () => {
    const publisher = new Publisher();
    publisher.send('pictureHeader', FREE);
    publisher.send('key', FREE);
    const [header, first, ...none] = publisher.send('delta', PICTURE) as Buffer[];
    expect(none).toEqual([]);
    expect(header?.subarray(0, 5)).toEqual(Buffer.from([0x17, 0, 0, 0, 0]));
    expect(parseAvcConfig((header as Buffer).subarray(5))).toMatchObject({ width: SIZE[0], height: SIZE[1] });
    expect(first?.[0]).toBe(0x17);
    expect((publisher.send('delta', PICTURE) as Buffer[]).map(([type]) => type)).toEqual([0x27]);
    expect((publisher.send('key', PICTURE) as Buffer[]).map(([type]) => type)).toEqual([0x17]);
    expect(publisher.send('sound', PICTURE)).toEqual(['as it is']);
    // Freed between key frames, it would show what nobody can decode.
    expect((publisher.send('delta', FREE) as Buffer[]).map(([type]) => type)).toEqual([0x27]);
    expect(publisher.send('key', FREE)).toEqual([pictureHeader, 'as it is']);
    expect(publisher.send('delta', FREE)).toEqual(['as it is']);
  });

  test('blocked before it sends anything, nothing of its picture goes on, and grey begins with its first frame', () => {
    const publisher = new Publisher();
    publisher.send('pictureHeader', PICTURE);
    expect((publisher.send('key', PICTURE) as Buffer[]).map((data) => data[1])).toEqual([0, 1]);
  });

  test('not to be seen in a codec of which no grey is made, nothing is sent and nothing kept', () => {
    const publisher = new Publisher();
    publisher.send('otherHeader', FREE);
    expect(publisher.filter.isDark).toBe(false);
    expect(publisher.send('key', PICTURE)).toEqual([]);
    expect(publisher.filter.isDark).toBe(true);
  });
});

test('no grey is made of pictures that no level allows', () => {
  expect(() => new GreyPicture(16_000, 16_000)).toThrow(RangeError);
});
