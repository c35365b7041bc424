import { describe, expect, it } from 'vitest';
import { TrackTable } from '../../../../src/media/mp4/track-table.ts';

function table(kind: 'video' | 'audio' = 'video') {
  const entry = Buffer.alloc(16);
  return new TrackTable({
    id: 1,
    kind,
    timescale: 1000,
    entry,
    width: 640,
    height: 360,
    lastDuration: () => 40,
  });
}

/** Body of the first box of that type, version and flags included. */
function body(trak: Buffer, type: string): Buffer | null {
  const at = trak.indexOf(type, 0, 'latin1');
  return at < 0 ? null : trak.subarray(at + 4, at - 4 + trak.readUInt32BE(at - 4));
}

function words(trak: Buffer, type: string): number[] {
  const bytes = body(trak, type) ?? Buffer.alloc(0);
  return Array.from({ length: bytes.length / 4 }, (_none, index) => bytes.readInt32BE(index * 4));
}

describe('the index of an MP4 track', () => {
  it('joins equal lengths, and lets the frame before a gap last through it', () => {
    const track = table();
    for (const dts of [0, 40, 80, 5000, 5040]) track.add({ bytes: 9, key: dts === 0, dts, pts: dts });
    track.addChunk(100, 5);
    const trak = track.trackBox(0);
    expect(words(trak, 'stts')).toEqual([0, 3, 2, 40, 1, 4920, 2, 40]);
    expect(words(trak, 'stss')).toEqual([0, 1, 1]);
    expect(words(trak, 'stsz')).toEqual([0, 0, 5, 9, 9, 9, 9, 9]);
    expect(body(trak, 'ctts')).toBeNull();
    expect(words(trak, 'elst')).toEqual([0, 1, 5080, 0, 0x10000]);
  });

  it('begins with the first picture shown, not the first decoded', () => {
    const track = table();
    for (const [dts, pts] of [
      [1000, 1080],
      [1040, 1200],
      [1080, 1120],
    ] as const) {
      track.add({ bytes: 9, key: dts === 1000, dts, pts });
    }
    track.addChunk(0, 3);
    const trak = track.trackBox(1030);
    expect(words(trak, 'ctts')).toEqual([0, 3, 1, 80, 1, 160, 1, 40]);
    // 50 ms of nothing, then from 80 ms of the media on.
    expect(words(trak, 'elst')).toEqual([0, 2, 50, -1, 0x10000, 160, 80, 0x10000]);
  });

  it('writes pictures shown before they are decoded with signed offsets', () => {
    const track = table();
    track.add({ bytes: 1, key: true, dts: 0, pts: 0 });
    track.add({ bytes: 1, key: false, dts: 40, pts: 0 });
    track.addChunk(0, 2);
    expect(words(track.trackBox(0), 'ctts')).toEqual([0x1000000, 2, 1, 0, 1, -40]);
  });

  it('has no list of key frames where every frame is one', () => {
    const track = table('audio');
    track.add({ bytes: 1, key: true, dts: 0, pts: 0 });
    track.addChunk(0, 1);
    expect(body(track.trackBox(0), 'stss')).toBeNull();
  });

  it('changes to 64 bit offsets only beyond 4 GB', () => {
    const small = table();
    const large = table();
    for (const track of [small, large]) {
      for (const dts of [0, 40, 80]) track.add({ bytes: 9, key: true, dts, pts: dts });
      track.addChunk(48, 2);
    }
    small.addChunk(0xffff_fff0, 1);
    large.addChunk(0x1_0000_0010, 1);
    expect(words(small.trackBox(0), 'stco')).toEqual([0, 2, 48, -16]);
    expect(words(large.trackBox(0), 'co64')).toEqual([0, 2, 0, 48, 1, 16]);
    expect(words(table().trackBox(0), 'stsc')).toEqual([0, 0]);
  });

  it('keeps the samples of a chunk together and says so once', () => {
    const track = table();
    for (let dts = 0; dts < 7; dts += 1) track.add({ bytes: 1, key: true, dts, pts: dts });
    for (const samples of [2, 2, 3]) track.addChunk(0, samples);
    expect(words(track.trackBox(0), 'stsc')).toEqual([0, 2, 1, 2, 1, 3, 3, 1]);
  });

  it('never writes a decoding time that does not grow', () => {
    const track = table();
    for (const dts of [0, 40, 40, 80]) track.add({ bytes: 1, key: true, dts, pts: dts });
    track.addChunk(0, 4);
    expect(words(track.trackBox(0), 'stts')).toEqual([0, 4, 1, 40, 1, 1, 1, 39, 1, 40]);
  });
});
