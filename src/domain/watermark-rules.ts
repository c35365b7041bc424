import { checkPictureUrl } from './picture-url.ts';
import {
  type PictureWatermark,
  type TextWatermark,
  type TimestampWatermark,
  WATERMARK_PLACES,
  type Watermark,
} from './programme.ts';
import { COLOR_WITH_ALPHA, LIMITS, TIME_ZONE_STEP } from './programme-limits.ts';
import { assertNumber, assertOneOf, assertText, assertWhole, refuse } from './rule.ts';

function checkColor(what: string, color: string | undefined): void {
  if (color !== undefined && !COLOR_WITH_ALPHA.test(color)) {
    refuse(`${what}: a colour is like #ffffff, or #ffffff80 for one that is half transparent`);
  }
}

function checkBox(what: string, box: PictureWatermark | TextWatermark): void {
  assertWhole(`${what}: its x`, box.x, LIMITS.watermarkPlace);
  assertWhole(`${what}: its y`, box.y, LIMITS.watermarkPlace);
  assertWhole(`${what}: its width`, box.width, LIMITS.watermarkSide);
  assertWhole(`${what}: its height`, box.height, LIMITS.watermarkSide);
}

function checkText(what: string, { text, fontSize, color, background }: TextWatermark): void {
  assertText(`${what}: its text`, text, LIMITS.watermarkText);
  assertWhole(`${what}: its font size`, fontSize, LIMITS.fontSize);
  checkColor(what, color);
  checkColor(what, background);
}

function checkTimestamp(what: string, { place, timeZone, fontSize, color }: TimestampWatermark): void {
  assertOneOf(`${what}: its place`, place, WATERMARK_PLACES);
  assertNumber(`${what}: its time zone`, timeZone, LIMITS.timeZone);
  if (timeZone % TIME_ZONE_STEP !== 0) refuse(`${what}: a time zone is in quarters of an hour`);
  if (fontSize !== undefined) assertWhole(`${what}: its font size`, fontSize, LIMITS.fontSize);
  checkColor(what, color);
}

function checkWatermark(what: string, watermark: Watermark): void {
  if (watermark.zOrder !== undefined) assertWhole(`${what}: its z-order`, watermark.zOrder, LIMITS.zOrder);
  switch (watermark.type) {
    case 'picture':
      checkBox(what, watermark);
      checkPictureUrl(what, watermark.url);
      return;
    case 'text':
      checkBox(what, watermark);
      checkText(what, watermark);
      return;
    case 'timestamp':
      checkTimestamp(what, watermark);
  }
}

/** Throws `bad-request` for a watermark that cannot be drawn. */
export function checkWatermarks(watermarks: readonly Watermark[]): void {
  if (watermarks.length > LIMITS.watermarks) refuse(`there are at most ${LIMITS.watermarks} watermarks`);
  for (const [at, watermark] of watermarks.entries()) checkWatermark(`watermark ${at + 1}`, watermark);
}
