import { beforeEach, expect, test } from 'vitest';
import type { FlvTag } from '../../../../../src/media/flv/tag.ts';
import {
  createSeiWriter,
  type SeiCell,
  type SeiWriter,
} from '../../../../../src/media/programme/output/sei.ts';
import { type SeiMessage, seiMessages } from '../../../../support/sei.ts';

const HEADER: FlvTag = {
  type: 9,
  timestamp: 0,
  data: Buffer.from([0x17, 0, 0, 0, 0, 1, 100, 0, 31, 0xff, 0xe1]),
};
const UUID = '00112233445566778899aabbccddeeff';

function picture(timestamp: number, isKey = false, offset = 0): FlvTag {
  const slice = isKey ? 5 : 1;
  return {
    type: 9,
    timestamp,
    data: Buffer.from([isKey ? 0x17 : 0x27, 1, 0, 0, offset, 0, 0, 0, 2, slice, 9]),
  };
}

function cell(userId: string, x: number): SeiCell {
  return {
    box: { streamId: `s-${userId}`, x, y: 0, width: 320, height: 180, zOrder: 1, renderMode: 'crop' },
    present: { input: { ref: { streamId: `s-${userId}`, userId, stream: 'main' } } },
  };
}

let writer: SeiWriter;

function show(cells: readonly SeiCell[], atMs: number): void {
  writer.show({ canvas: { width: 640, height: 360 }, cells }, atMs);
}

beforeEach(() => {
  writer = createSeiWriter({
    volumeOf: (id) => (id === 's-ann' ? 70 : 0),
    now: () => 1_700_000_000_900,
  });
  writer.pass(HEADER);
});

/** Messages of pictures 40 ms apart, with a key frame each second. */
function run(fromMs: number, untilMs: number): SeiMessage[] {
  const out: FlvTag[] = [];
  for (let at = fromMs; at < untilMs; at += 40) out.push(writer.pass(picture(at, at % 1000 === 0)));
  return seiMessages(out);
}

const at = (messages: SeiMessage[]) => messages.map((message) => message.timestamp);
const read = (message: SeiMessage | undefined) => JSON.parse(String(message?.payload));

test('nothing is written unless it is asked for', () => {
  expect(run(0, 2000)).toEqual([]);
  const plain = picture(2000);
  expect(writer.pass(plain)).toBe(plain);
});

test('cells and volumes are told as JSON', () => {
  writer.follow({ layoutVolume: { payloadType: 100, intervalMs: 1000, appData: 'mine "ü"' } });
  const nobody: SeiCell = { ...cell('nobody', 0), present: null };
  show([cell('ann', 0), nobody, cell('bob', 320)], 0);
  const [message] = run(0, 40);
  expect(message).toMatchObject({ timestamp: 0, payloadType: 100 });
  expect(read(message)).toEqual({
    app_data: 'mine "ü"',
    canvas: { w: 640, h: 360 },
    regions: [
      { uid: 'ann', zorder: 1, volume: 70, x: 0, y: 0, w: 320, h: 180 },
      { uid: 'bob', zorder: 1, volume: 0, x: 320, y: 0, w: 320, h: 180 },
    ],
    ver: '1.0',
    ts: 1_700_000_000,
  });
});

test.each([
  [500, false, [0, 520, 1000, 1520, 2000]],
  [1000, false, [0, 1000, 2000]],
  [10, false, Array.from({ length: 51 }, (_, n) => n * 40)],
  [1500, true, [0, 1000, 1520, 2000]],
])('every %d ms, on key frames too: %s', (intervalMs, followIdr, times) => {
  writer.follow({ passThrough: { payloadType: 243, intervalMs, followIdr, content: 'x' } });
  expect(at(run(0, 2040))).toEqual(times);
});

test('after a pause of the pictures it goes on at once and does not make up for what was missing', () => {
  writer.follow({ passThrough: { payloadType: 243, intervalMs: 400, content: 'x' } });
  expect(at(run(0, 440))).toEqual([0, 400]);
  expect(at(run(5000, 5840))).toEqual([5000, 5400, 5800]);
});

test('content is passed as it is, behind its UUID where the type is 5', () => {
  writer.follow({ passThrough: { payloadType: 5, uuid: UUID, intervalMs: 1000, content: '\0\0\x01 ü' } });
  const [message] = run(0, 40);
  expect(message?.payloadType).toBe(5);
  expect(message?.payload).toEqual(Buffer.concat([Buffer.from(UUID, 'hex'), Buffer.from('\0\0\x01 ü')]));
});

test('both kinds go with one picture, and a change of one leaves the times of the other', () => {
  const layoutVolume = { payloadType: 100, intervalMs: 1000 };
  writer.follow({ layoutVolume, passThrough: { payloadType: 101, intervalMs: 1000, content: 'a' } });
  expect(run(0, 400).map((message) => message.payloadType)).toEqual([100, 101]);
  writer.follow({ layoutVolume, passThrough: { payloadType: 101, intervalMs: 1000, content: 'b' } });
  const [changed, ...none] = run(400, 800);
  expect(none).toEqual([]);
  expect(changed).toMatchObject({ timestamp: 400, payloadType: 101 });
  expect(String(changed?.payload)).toBe('b');
  writer.follow({ layoutVolume });
  expect(run(800, 1900).map((message) => message.payloadType)).toEqual([100]);
  writer.follow(undefined);
  expect(run(1900, 5000)).toEqual([]);
});

test('a picture is told with the cells it shows, however late the encoder gives it', () => {
  writer.follow({ layoutVolume: { payloadType: 100, intervalMs: 1 } });
  show([cell('ann', 0)], 0);
  show([cell('ann', 0), cell('bob', 320)], 200 / 3);
  show([cell('bob', 0)], 120);
  const users = (tag: FlvTag) =>
    read(seiMessages([writer.pass(tag)])[0]).regions.map((region: { uid: string }) => region.uid);
  expect(users(picture(33))).toEqual(['ann']);
  expect(users(picture(66))).toEqual(['ann', 'bob']);
  // Coded at 100, shown at 120.
  expect(users(picture(100, false, 20))).toEqual(['bob']);
});
