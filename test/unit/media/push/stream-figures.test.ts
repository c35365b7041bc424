import { describe, expect, it } from 'vitest';
import type { FlvTag } from '../../../../src/media/flv/tag.ts';
import { createStreamMeter, type StreamMeter } from '../../../../src/media/push/stream-figures.ts';

/** Of 1280x720 pixels, H.264 high profile. */
const AVC_HEADER = Buffer.from(
  '17000000000164001fffe1001a6764001facd9405005bb016a02020280000003008000001e478c18cb01000568ebecb22c',
  'hex',
);
const AAC_44100 = Buffer.from([0xaf, 0, 0x12, 0x10]);

interface Stream {
  readonly seconds: number;
  readonly fromMs?: number;
  readonly fps?: number;
  readonly keyEvery?: number;
  readonly pictureBytes?: number;
  readonly soundBytes?: number;
}

/** Sound comes 50 times a second. */
function play(meter: StreamMeter, stream: Stream): void {
  const { seconds, fromMs = 0, fps = 25, keyEvery = 50, pictureBytes = 10_000, soundBytes = 320 } = stream;
  const tags: FlvTag[] = [];
  for (let n = 0; n < seconds * fps; n += 1) {
    const data = Buffer.alloc(pictureBytes);
    data[0] = n % keyEvery === 0 ? 0x17 : 0x27;
    data[1] = 1;
    tags.push({ type: 9, timestamp: (fromMs + (n * 1000) / fps) % 2 ** 32, data });
  }
  for (let n = 0; n < seconds * 50 && soundBytes > 0; n += 1) {
    const data = Buffer.alloc(soundBytes);
    data[0] = 0xaf;
    data[1] = 1;
    tags.push({ type: 8, timestamp: (fromMs + n * 20) % 2 ** 32, data });
  }
  const order = (tag: FlvTag) => (tag.timestamp - fromMs + 2 ** 32) % 2 ** 32;
  for (const tag of tags.sort((a, b) => order(a) - order(b))) meter.push(tag);
}

describe('a stream that is measured', () => {
  it('has figures after ten seconds, and a rate after one', () => {
    const meter = createStreamMeter();
    play(meter, { seconds: 3 });
    expect(meter.figures()).toBeNull();
    expect(meter.kbps()).toBeGreaterThan(2000);
    play(meter, { seconds: 8, fromMs: 3000 });
    expect(meter.figures()?.video).toMatchObject({ fps: 25, kbps: 2000, keyFrameSeconds: 2 });
    expect(meter.figures()?.audio).toMatchObject({ kbps: 128 });
    expect(meter.kbps()).toBe(2128);
  });

  it('has codec, size and sample rate from its headers', () => {
    const meter = createStreamMeter();
    meter.push({ type: 9, timestamp: 0, data: AVC_HEADER });
    meter.push({ type: 8, timestamp: 0, data: AAC_44100 });
    play(meter, { seconds: 11 });
    expect(meter.figures()?.video).toMatchObject({ codec: 'h264', width: 1280, height: 720 });
    expect(meter.figures()?.audio?.sampleRate).toBe(44_100);
  });

  it('goes on when a header cannot be read', () => {
    const meter = createStreamMeter();
    meter.push({ type: 9, timestamp: 0, data: Buffer.from([0x17, 0, 0, 0, 0, 1]) });
    meter.push({ type: 9, timestamp: 0, data: Buffer.from('\x90av01....', 'latin1') });
    play(meter, { seconds: 11 });
    expect(meter.figures()?.video).toMatchObject({ codec: 'av1', width: null, height: null, fps: 25 });
  });

  it('has no sound, or no picture, when none came', () => {
    const [silent, blind] = [createStreamMeter(), createStreamMeter()];
    play(silent, { seconds: 11, soundBytes: 0 });
    play(blind, { seconds: 11, fps: 0 });
    expect(silent.figures()?.audio).toBeNull();
    expect(blind.figures()).toEqual({ video: null, audio: { sampleRate: null, kbps: 128 } });
  });

  it('tells the longest way between key frames, and of the last one to now', () => {
    const meter = createStreamMeter();
    play(meter, { seconds: 8, keyEvery: 200 });
    play(meter, { seconds: 13, fromMs: 8000, keyEvery: 25 });
    expect(meter.figures()?.video?.keyFrameSeconds).toBe(8);
    play(meter, { seconds: 40, fromMs: 21_000, keyEvery: 25 });
    expect(meter.figures()?.video?.keyFrameSeconds).toBe(1);
    play(meter, { seconds: 21, fromMs: 61_000, keyEvery: 10_000 });
    expect(meter.figures()?.video?.keyFrameSeconds).toBeGreaterThan(15);
  });

  it('is another one after a restart, and takes times that wrap', () => {
    const meter = createStreamMeter();
    play(meter, { seconds: 11, fromMs: 2 ** 32 - 5000, pictureBytes: 20_000 });
    expect(meter.figures()?.video).toMatchObject({ kbps: 4000, fps: 25 });
    meter.clear();
    expect(meter.figures()).toBeNull();
    play(meter, { seconds: 11, fromMs: 90_000 });
    expect(meter.figures()?.video).toMatchObject({ kbps: 2000, codec: null });
  });
});
