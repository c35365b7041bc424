import { describe, expect, it } from 'vitest';
import { type FlvTag, isSequenceHeader, TAG_AUDIO, TAG_VIDEO } from '../../../../src/media/flv/tag.ts';
import { Intake, type TakenTag } from '../../../../src/media/recording/intake.ts';
import { NEW_TIMELINE } from '../../../../src/media/recording/timeline.ts';

const videoHeader = (config = 1): FlvTag => ({
  type: TAG_VIDEO,
  timestamp: 0,
  data: Buffer.from([0x17, 0, 0, 0, 0, config]),
});
const audioHeader: FlvTag = { type: TAG_AUDIO, timestamp: 0, data: Buffer.from([0xaf, 0, 0x11, 0x90]) };
const key = (timestamp: number): FlvTag => ({
  type: TAG_VIDEO,
  timestamp,
  data: Buffer.from([0x17, 1, 0, 0, 0, 9]),
});
const delta = (timestamp: number): FlvTag => ({
  ...key(timestamp),
  data: Buffer.from([0x27, 1, 0, 0, 0, 9]),
});
const sound = (timestamp: number): FlvTag => ({
  type: TAG_AUDIO,
  timestamp,
  data: Buffer.from([0xaf, 1, 7]),
});

const NOW = 1_700_000_000_000;

function open() {
  const taken: TakenTag[] = [];
  const intake = new Intake({ start: NEW_TIMELINE, onTag: (tag) => taken.push(tag) });
  const live = (tags: readonly FlvTag[], atMs = NOW) => {
    for (const tag of tags) intake.take(tag, { arrivalMs: atMs + tag.timestamp, cached: false });
  };
  const cached = (tags: readonly FlvTag[], atMs: number) => {
    for (const tag of tags) intake.take(tag, { arrivalMs: atMs, cached: true });
  };
  const shown = () =>
    taken.map(({ tag }) => {
      const name = tag.type === TAG_VIDEO ? 'video' : 'audio';
      return `${isSequenceHeader(tag) ? `${name} header` : name} ${tag.timestamp}`;
    });
  return { intake, live, cached, taken, shown };
}

describe('the intake of a copy', () => {
  it('begins at a key frame, headers first', () => {
    const { live, shown } = open();
    live([videoHeader(), audioHeader, sound(10), delta(20), key(40), sound(50), delta(60)]);
    expect(shown()).toEqual(['video header 0', 'audio header 0', 'video 0', 'audio 10', 'video 20']);
  });

  it('begins at once with sound alone', () => {
    const { live, shown } = open();
    live([audioHeader, sound(500), sound(521)]);
    expect(shown()).toEqual(['audio header 0', 'audio 0', 'audio 21']);
  });

  it('counts a cached picture group as earlier than its arrival', () => {
    const { live, cached, taken, intake } = open();
    cached([videoHeader(), key(0), delta(1000), delta(2000)], NOW);
    expect(taken).toEqual([]);
    live([delta(2040)], NOW - 2000);
    expect(intake.startedAtMs).toBe(NOW - 2000);
    expect(taken.at(-1)).toMatchObject({ tag: { timestamp: 2040 }, wallMs: NOW + 40 });
  });

  it('says a header again only when it is another one', () => {
    const { live, shown } = open();
    live([videoHeader(), key(0), videoHeader(), key(40), videoHeader(2), key(80)]);
    expect(shown()).toEqual(['video header 0', 'video 0', 'video 40', 'video header 80', 'video 80']);
  });

  it('waits for a key frame again after frames were lost', () => {
    const { live, intake, shown } = open();
    live([videoHeader(), key(0)]);
    intake.skipToKey();
    live([delta(40), key(80)]);
    expect(shown()).toEqual(['video header 0', 'video 0', 'video 80']);
  });

  it('takes a new publisher with its own clock at the time it came', () => {
    const { live, intake, shown } = open();
    live([videoHeader(), key(0), delta(40)]);
    intake.streamStarted();
    live([videoHeader(), delta(0), key(20)], NOW + 10_000);
    expect(shown()).toEqual(['video header 0', 'video 0', 'video 40', 'video 10020']);
  });
});
