import type { CanvasSize, LayoutBox, RoomStream } from '../../../domain/layout/box.ts';
import type { LayoutVolumeSei, PassThroughSei, SeiSpec } from '../../../domain/programme.ts';
import { sameSpec } from '../../../domain/same-spec.ts';
import { insertUnits, seiUnit, unitLengthSize } from '../../flv/avc-sei.ts';
import { compositionTime, type FlvTag, isKeyFrame, isMedia, TAG_VIDEO } from '../../flv/tag.ts';

/** A cell as it is shown, with who stands in it. */
export interface SeiCell {
  readonly box: LayoutBox;
  readonly present: { readonly input: { readonly ref: RoomStream } } | null;
}

/** What a picture shows. */
export interface SeiPicture {
  readonly canvas: CanvasSize;
  /** Another array when anything is different. */
  readonly cells: readonly SeiCell[];
}

export interface SeiOptions {
  /** 0 to 100. */
  readonly volumeOf: (streamId: string) => number;
  /** Unix ms. */
  readonly now: () => number;
}

/** Writes messages for the programme's players into its encoded pictures. */
export interface SeiWriter {
  /** What is wanted from now on; what is new goes out with the next picture. */
  follow(spec: SeiSpec | undefined): void;
  /** What the picture of that time shows, in ms from the programme's start, and those behind it until told otherwise. */
  show(picture: SeiPicture, atMs: number): void;
  /** The tag, with what is due in front of its picture. */
  pass(tag: FlvTag): FlvTag;
}

interface Message<T> {
  readonly spec: T;
  dueMs: number;
}

const AS_UUID = 5;
const NOTHING: SeiPicture = { canvas: { width: 0, height: 0 }, cells: [] };
/** Changes of the scene that may be under way in an encoder: more only while it gives nothing. */
const MAX_SHOWN = 100;
/** FLV rounds times to whole ms. */
const ROUNDED_MS = 1;

function begin<T>(before: Message<T> | null, spec: T | undefined): Message<T> | null {
  if (spec === undefined) return null;
  return before && sameSpec(before.spec, spec) ? before : { spec, dueMs: Number.NEGATIVE_INFINITY };
}

/** Whether the message goes with that picture; key frames are extra and put nothing off. */
function isDue(message: Message<LayoutVolumeSei | PassThroughSei>, atMs: number, isKey: boolean): boolean {
  const { intervalMs, followIdr = false } = message.spec;
  if (atMs < message.dueMs) return followIdr && isKey;
  // In step with the times before, unless pictures were missing for longer.
  const next = message.dueMs + intervalMs;
  message.dueMs = next > atMs ? next : atMs + intervalMs;
  return true;
}

function passThroughUnit({ payloadType, uuid = '', content }: PassThroughSei): Buffer {
  const head = payloadType === AS_UUID ? Buffer.from(uuid, 'hex') : Buffer.alloc(0);
  return seiUnit(payloadType, Buffer.concat([head, Buffer.from(content)]));
}

export function createSeiWriter({ volumeOf, now }: SeiOptions): SeiWriter {
  let layoutVolume: Message<LayoutVolumeSei> | null = null;
  let passThrough: Message<PassThroughSei> | null = null;
  let lengthSize: number | null = null;
  // Pictures take their time through the encoder: what was shown in each, from the one passed last on.
  const shown: { readonly picture: SeiPicture; readonly fromMs: number }[] = [];

  /** Leaves in front what that picture shows. */
  function forgetBefore(atMs: number): void {
    while ((shown[1]?.fromMs ?? Number.POSITIVE_INFINITY) <= atMs + ROUNDED_MS) shown.shift();
  }

  function layoutVolumeUnit({ payloadType, appData = '' }: LayoutVolumeSei): Buffer {
    const { canvas, cells } = shown[0]?.picture ?? NOTHING;
    const regions = cells.flatMap(({ box, present }) => {
      if (present === null) return []; // nobody fills it
      const { userId: uid, streamId } = present.input.ref;
      const { x, y, width, height, zOrder } = box;
      return [{ uid, zorder: zOrder, volume: volumeOf(streamId), x, y, w: width, h: height }];
    });
    const { width: w, height: h } = canvas;
    const ts = Math.floor(now() / 1000);
    const told = { app_data: appData, canvas: { w, h }, regions, ver: '1.0', ts };
    return seiUnit(payloadType, Buffer.from(JSON.stringify(told)));
  }

  function unitsFor(tag: FlvTag): Buffer[] {
    const atMs = tag.timestamp + compositionTime(tag);
    forgetBefore(atMs);
    const isKey = isKeyFrame(tag);
    const units: Buffer[] = [];
    if (layoutVolume && isDue(layoutVolume, atMs, isKey)) {
      units.push(layoutVolumeUnit(layoutVolume.spec));
    }
    if (passThrough && isDue(passThrough, atMs, isKey)) units.push(passThroughUnit(passThrough.spec));
    return units;
  }

  return {
    follow(spec) {
      layoutVolume = begin(layoutVolume, spec?.layoutVolume);
      passThrough = begin(passThrough, spec?.passThrough);
    },
    show(picture, atMs) {
      if (shown.at(-1)?.picture.cells === picture.cells) return;
      shown.push({ picture, fromMs: atMs });
      if (shown.length > MAX_SHOWN) shown.shift();
    },
    pass(tag) {
      lengthSize = unitLengthSize(tag) ?? lengthSize;
      if (lengthSize === null || tag.type !== TAG_VIDEO || !isMedia(tag)) return tag;
      return insertUnits(tag, unitsFor(tag), lengthSize);
    },
  };
}
