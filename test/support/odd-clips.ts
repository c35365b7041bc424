import { type FlvTag, isMedia, type TAG_AUDIO, TAG_VIDEO } from '../../src/media/flv/tag.ts';

export type Clip = readonly FlvTag[];

export const later = (clip: Clip, ms: number): FlvTag[] =>
  clip.map((tag) => ({ ...tag, timestamp: tag.timestamp + ms }));

/** The one up to that time, then the other from its beginning. */
export const turning = (from: Clip, to: Clip, atMs: number): FlvTag[] => [
  ...from.filter((tag) => tag.timestamp < atMs),
  ...later(to, atMs),
];

/** Nothing for so long, while the source's clock goes on. */
export const withHole = (clip: Clip, atMs: number, holeMs: number): FlvTag[] =>
  clip.map((tag) => (tag.timestamp < atMs ? tag : { ...tag, timestamp: tag.timestamp + holeMs }));

export const without = (clip: Clip, type: typeof TAG_AUDIO | typeof TAG_VIDEO): FlvTag[] =>
  clip.filter((tag) => tag.type !== type);

/** Coded frames of a second around that time are changed; flags and times stay. */
function damaged(
  clip: Clip,
  type: typeof TAG_AUDIO | typeof TAG_VIDEO,
  aroundMs: number,
  change: (payload: Buffer) => Buffer,
): FlvTag[] {
  const flags = type === TAG_VIDEO ? 5 : 2;
  return clip.map((tag) => {
    if (tag.type !== type || !isMedia(tag) || Math.abs(tag.timestamp - aroundMs) > 500) return tag;
    const data = Buffer.concat([tag.data.subarray(0, flags), change(tag.data.subarray(flags))]);
    return { ...tag, data };
  });
}

/** They carry bytes that mean nothing. */
export const garbled = (clip: Clip, type: typeof TAG_AUDIO | typeof TAG_VIDEO, aroundMs: number): FlvTag[] =>
  damaged(clip, type, aroundMs, (payload) =>
    Buffer.from([...payload].map((byte, at) => (byte * 31 + at * 17 + 101) & 0xff)),
  );

/** They end half way. */
export const cutOff = (clip: Clip, type: typeof TAG_AUDIO | typeof TAG_VIDEO, aroundMs: number): FlvTag[] =>
  damaged(clip, type, aroundMs, (payload) => payload.subarray(0, payload.length / 2));

/** Enhanced picture tags under the name of another codec. */
export const renamed = (clip: Clip, codec: string): FlvTag[] =>
  clip.map((tag) => {
    if (tag.type !== TAG_VIDEO) return tag;
    const data = Buffer.from(tag.data);
    data.write(codec, 1, 'latin1');
    return { ...tag, data };
  });
