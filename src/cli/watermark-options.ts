import type { ProgrammeJson } from '../api/operator/programme-schema.ts';
import type { CanvasSize } from '../domain/layout/box.ts';
import { WATERMARK_PLACES, type WatermarkPlace } from '../domain/programme.ts';
import { UsageError } from './command.ts';

export const WATERMARK_OPTIONS = {
  text: { type: 'string' },
  logo: { type: 'string' },
  timestamp: { type: 'string' },
} as const;

interface WatermarkValues {
  readonly text?: string | undefined;
  readonly logo?: string | undefined;
  readonly timestamp?: string | undefined;
}

type Watermark = NonNullable<ProgrammeJson['watermarks']>[number];

const NONE = 'none';
/** Parts of the canvas. */
const MARGIN = 0.03;
const TEXT_HEIGHT = 0.08;
const FONT = 0.05;
const LOGO = 0.12;
const BOX = /^(.+)@(\d{1,4}),(\d{1,4}),(\d{1,4})x(\d{1,4})$/;
const PLACE = /^([a-z-]+)(?:@([+-]?\d{1,2}(?:\.\d{1,2})?))?$/;

/** A line along the bottom. */
function textMark(text: string, { width, height }: CanvasSize): Watermark {
  const [margin, tall] = [Math.round(MARGIN * width), Math.round(TEXT_HEIGHT * height)];
  const y = Math.max(0, height - tall - Math.round(MARGIN * height));
  const fontSize = Math.max(8, Math.round(FONT * height));
  return {
    type: 'text',
    text,
    x: margin,
    y,
    width: width - 2 * margin,
    height: tall,
    fontSize,
    background: '#00000080',
  };
}

/** In its box, or small at the top right. */
function logoMark(value: string, { width, height }: CanvasSize): Watermark {
  const match = BOX.exec(value);
  if (match) {
    const [x = 0, y = 0, w = 0, h = 0] = match.slice(2).map(Number);
    return { type: 'picture', url: match[1] ?? '', x, y, width: w, height: h };
  }
  const side = Math.max(2, Math.round(LOGO * height));
  const margin = Math.round(MARGIN * height);
  return {
    type: 'picture',
    url: value,
    x: Math.max(0, width - side - margin),
    y: margin,
    width: side,
    height: side,
  };
}

function isPlace(text: string): text is WatermarkPlace {
  return WATERMARK_PLACES.some((place) => place === text);
}

/** Hours from UTC of this machine now. */
function ownTimeZone(): number {
  return -new Date().getTimezoneOffset() / 60;
}

function timestampMark(value: string): Watermark {
  const [, place = '', zone] = PLACE.exec(value) ?? [];
  if (!isPlace(place)) {
    throw new UsageError(`--timestamp is one of ${WATERMARK_PLACES.join(', ')}, or like top-right@-3.5`);
  }
  return { type: 'timestamp', place, timeZone: zone === undefined ? ownTimeZone() : Number(zone) };
}

/** The watermarks with those of the kinds that are given in place of the present ones; undefined when none is given. */
export function watermarksOf(
  values: WatermarkValues,
  now: Pick<ProgrammeJson, 'watermarks'>,
  canvas: CanvasSize | null,
): Watermark[] | undefined {
  const { text, logo, timestamp } = values;
  if (text === undefined && logo === undefined && timestamp === undefined) return undefined;
  if (canvas === null) throw new UsageError('a programme of sound only has no watermarks');
  const made: [Watermark['type'], string | undefined, (value: string) => Watermark][] = [
    ['picture', logo, (value) => logoMark(value, canvas)],
    ['text', text, (value) => textMark(value, canvas)],
    ['timestamp', timestamp, timestampMark],
  ];
  const present = now.watermarks ?? [];
  return made.flatMap(([type, value, make]) => {
    if (value === undefined) return present.filter((mark) => mark.type === type);
    return value === NONE || value === '' ? [] : [make(value)];
  });
}
