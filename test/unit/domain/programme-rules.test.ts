import { describe, expect, test } from 'vitest';
import type { CustomCell } from '../../../src/domain/layout/spec.ts';
import {
  type AudioSpec,
  DEFAULT_PROGRAMME,
  type PassThroughSei,
  type PictureWatermark,
  type ProgrammeSpec,
  type TextWatermark,
  type TimestampWatermark,
  type VideoSpec,
} from '../../../src/domain/programme.ts';
import { checkProgramme, type ProgrammeUse } from '../../../src/domain/programme-rules.ts';

type Change = Partial<ProgrammeSpec>;

const PICTURE = 'https://pictures.test/logo.png';
const BOX = { x: 0, y: 0, width: 320, height: 180 };

const video = (change: Partial<VideoSpec>): Change => ({ video: { ...DEFAULT_PROGRAMME.video, ...change } });
const audio = (change: Partial<AudioSpec>): Change => ({ audio: { bitrateKbps: 128, ...change } });
const cell = (change: Partial<CustomCell>): Change => ({
  layout: { mode: 'custom', cells: [{ ...BOX, ...change }] },
});
const cells = (count: number): Change => ({
  layout: { mode: 'custom', cells: Array.from({ length: count }, () => BOX) },
});
const logo = (change: Partial<PictureWatermark>): Change => ({
  watermarks: [{ type: 'picture', url: PICTURE, ...BOX, ...change }],
});
const text = (change: Partial<TextWatermark>): Change => ({
  watermarks: [{ type: 'text', text: 'live', fontSize: 24, ...BOX, ...change }],
});
const stamp = (change: Partial<TimestampWatermark>): Change => ({
  watermarks: [{ type: 'timestamp', place: 'top', timeZone: 8, ...change }],
});
const volume = (change: object): Change => ({
  sei: { layoutVolume: { payloadType: 100, intervalMs: 1000, ...change } },
});
const pass = (change: Partial<PassThroughSei>): Change => ({
  sei: { passThrough: { payloadType: 120, intervalMs: 1000, content: 'x', ...change } },
});
const users = (count: number) => Array.from({ length: count }, (_, index) => ({ userId: `u${index}` }));
const UUID = '0123456789abcdefABCDEF0123456789';

function check(change: Change, use: ProgrammeUse): void {
  checkProgramme({ ...DEFAULT_PROGRAMME, ...change }, use);
}

describe('a programme can be made', () => {
  test.each<[string, Change, ProgrammeUse?]>([
    ['by default', {}],
    ['without video', { video: null }],
    ['of the smallest picture', video({ width: 16, height: 16 })],
    ['of the largest', video({ width: 1920, height: 1920 })],
    ['of 60 frames a second', video({ fps: 60 })],
    ['with all of its encoder settings', video({ preset: 'medium', rateControl: 'vbr', gopSeconds: 5 })],
    ['with key frames 10 s apart in a recording', video({ gopSeconds: 10 }), 'record'],
    ['with mono at 8 kHz', audio({ bitrateKbps: 8, sampleRate: 8000, channels: 1 })],
    ['with he-aac-v2', audio({ codec: 'he-aac-v2', channels: 2 })],
    ['with 16 cells', cells(16)],
    ['with 25 cells in a recording', { ...cells(25), maxInputs: 25 }, 'record'],
    ['with a crop up to 10000', cell({ crop: { x: 0, y: 9999, width: 10_000, height: 1 } })],
    ['with a cell that nobody sees', cell({ opacity: 0, zOrder: 100 })],
    ['with a placeholder in a cell', cell({ placeholder: PICTURE })],
    [
      'with a user of another room',
      cell({ source: { userId: 'a', stream: 'aux', room: { kind: 'number', value: 5 } } }),
    ],
    ['with cells beyond the canvas where none is drawn', { ...cell({ x: 1900 }), video: null }],
    [
      'with a background picture',
      { backgroundPicture: { url: `${PICTURE}?a=(1)|[2];3,*+&!`, renderMode: 'fit' } },
    ],
    [
      'with 25 watermarks',
      { watermarks: Array.from({ length: 25 }, () => ({ type: 'picture', url: PICTURE, ...BOX })) },
    ],
    ['with a watermark at the edge', logo({ x: 2560, y: 2560, width: 2560, height: 2 })],
    ['with text half transparent', text({ color: '#ffffff80', background: '#000000' })],
    ['with the time of Nepal', stamp({ timeZone: 5.75 })],
    [
      'with SEI of layout and volumes',
      volume({ payloadType: 254, appData: 'x'.repeat(4095), followIdr: true }),
    ],
    ['with SEI passed through', pass({ payloadType: 100 })],
    ['with SEI by its uuid', pass({ payloadType: 5, uuid: UUID })],
    ['with 32 users blocked', { sound: { block: users(32), levels: [{ userId: 'a', level: 0 }] } }],
    [
      'with users of the same name in two rooms',
      { sound: { allow: [{ userId: 'a' }, { userId: 'a', room: { kind: 'string', value: '7' } }] } },
    ],
  ])('%s', (_what, change, use = 'relay') => {
    expect(() => check(change, use)).not.toThrow();
  });
});

describe('a programme is refused', () => {
  test.each<[string, Change, RegExp, ProgrammeUse?]>([
    ['an odd width', video({ width: 641 }), /width of the video is an even/],
    ['a height of 0', video({ height: 0 }), /height of the video is a whole number from 16 to 1920/],
    ['a width of 1922', video({ width: 1922 }), /16 to 1920/],
    ['no frames', video({ fps: 0 }), /frame rate .* 1 to 60/],
    ['29.97 frames a second', video({ fps: 29.97 }), /whole number/],
    ['a bitrate of 10001', video({ bitrateKbps: 10_001 }), /10 to 10000/],
    ['key frames 6 s apart', video({ gopSeconds: 6 }), /key frames.* 1 to 5/],
    ['key frames 11 s apart in a recording', video({ gopSeconds: 11 }), /1 to 10/, 'record'],
    ['an unknown preset', video({ preset: 'placebo' as never }), /preset is one of ultrafast/],
    ['an unknown rate control', video({ rateControl: 'crf' as never }), /cbr, vbr/],
    ['sound of 7 kbps', audio({ bitrateKbps: 7 }), /8 to 500/],
    ['a sample rate of 22050', audio({ sampleRate: 22_050 as never }), /48000, 44100/],
    ['three channels', audio({ channels: 3 as never }), /channels is one of 1, 2/],
    ['he-aac at 8 kHz', audio({ codec: 'he-aac', sampleRate: 8000 }), /he-aac has no sample rate of 8000/],
    ['he-aac-v2 in mono', audio({ codec: 'he-aac-v2', channels: 1 }), /two channels only/],
    ['17 inputs of a relay', { maxInputs: 17 }, /relay mixes at most 16/],
    ['26 inputs of a recording', { maxInputs: 26 }, /1 to 25/, 'record'],
    ['no input', { maxInputs: 0 }, /1 to 25/],
    ['17 cells', cells(17), /at most 16 cells/],
    ['17 cells in a recording of 16', cells(17), /at most 16 cells/, 'record'],
    ['no cell', cells(0), /at least one cell/],
    ['4 cells where 3 are mixed, placeholders counted', { ...cells(4), maxInputs: 3 }, /at most 3 cells/],
    ['a cell beyond the canvas', cell({ x: 962 }), /cell 1 reaches beyond the 1280x720 canvas/],
    ['a cell of half pixels', cell({ y: 0.5 }), /cell 1: places are whole pixels/],
    ['a user id of digits', cell({ source: { userId: '123', stream: 'main' } }), /user id/],
    ['a z-order of 101', cell({ zOrder: 101 }), /cell 1: a z-order .* 0 to 100/],
    ['a z-order below 0', cell({ zOrder: -1 }), /z-order/],
    ['an unknown render mode', cell({ renderMode: 'zoom' as never }), /crop, fit, fit-background, stretch/],
    ['a crop of no width', cell({ crop: { x: 0, y: 0, width: 0, height: 5 } }), /1 pixel large/],
    ['a crop left of the picture', cell({ crop: { x: -1, y: 0, width: 5, height: 5 } }), /from 0/],
    ['a crop that ends at 10001', cell({ crop: { x: 1, y: 0, width: 10_000, height: 5 } }), /within 10000/],
    ['an opacity of 1.1', cell({ opacity: 1.1 }), /opacity .* 0 to 1/],
    ['an opacity that is no number', cell({ opacity: Number.NaN }), /opacity/],
    ['an unknown render mode of all', { layout: { mode: 'grid', renderMode: 'x' as never } }, /render mode/],
    ['a main user of digits', { layout: { mode: 'share', main: { userId: '1' } } }, /user id/],
    ['a background that is no colour', { background: 'black' }, /background is a colour/],
    ['a background with alpha', { background: '#00000080' }, /background is a colour/],
    [
      'a background picture around which there is background',
      { backgroundPicture: { url: PICTURE, renderMode: 'fit-background' as never } },
      /crop, fit, stretch/,
    ],
    [
      '26 watermarks',
      { watermarks: Array.from({ length: 26 }, () => ({ type: 'picture', url: PICTURE, ...BOX })) },
      /at most 25/,
    ],
    ['a watermark left of the canvas', logo({ x: -1 }), /watermark 1: its x .* 0 to 2560/],
    ['a watermark beyond 2560', logo({ y: 2561 }), /watermark 1: its y/],
    ['a watermark of no height', logo({ height: 0 }), /watermark 1: its height .* 2 to 2560/],
    ['a watermark of z-order 200', logo({ zOrder: 200 }), /z-order/],
    ['an empty text', text({ text: '' }), /text has 1 to 512/],
    ['a text of 513 characters', text({ text: 'x'.repeat(513) }), /512/],
    ['a font of 3 pixels', text({ fontSize: 3 }), /font size/],
    ['a colour by its name', text({ color: 'white' }), /watermark 1: a colour/],
    ['a background by its name', text({ background: 'red' }), /watermark 1: a colour/],
    ['a place that is none', stamp({ place: 'middle' as never }), /top-left/],
    ['a time zone beyond 14', stamp({ timeZone: 14.25 }), /time zone .* -12 to 14/],
    ['a time zone of ten minutes', stamp({ timeZone: 1 / 6 }), /quarters/],
    ['SEI of type 99', volume({ payloadType: 99 }), /100 to 254/],
    ['SEI of type 244', volume({ payloadType: 244 }), /244 is taken/],
    ['SEI of layout by uuid', volume({ payloadType: 5 }), /100 to 254/],
    ['SEI every 50 ms', volume({ intervalMs: 50 }), /interval in ms/],
    ['appData of 4096 characters', volume({ appData: 'x'.repeat(4096) }), /at most 4095/],
    ['type 5 without uuid', pass({ payloadType: 5 }), /32 hexadecimal/],
    ['type 5 with a uuid that is none', pass({ payloadType: 5, uuid: 'x'.repeat(32) }), /32 hexadecimal/],
    ['a uuid for another type', pass({ uuid: UUID }), /type 5 only/],
    ['nothing to pass through', pass({ content: '' }), /content has 1 to 4095/],
    ['SEI of type 255 passed through', pass({ payloadType: 255 }), /100 to 254/],
    ['SEI without video', { ...volume({}), video: null }, /there is none/],
    ['33 users in a list', { sound: { allow: users(33) } }, /are heard names at most 32/],
    ['a user twice', { sound: { block: [{ userId: 'ann' }, { userId: 'Ann' }] } }, /names a user twice/],
    ['a level of 101', { sound: { levels: [{ userId: 'ann', level: 101 }] } }, /level .* 0 to 100/],
    ['a heard user of digits', { sound: { allow: [{ userId: '12' }] } }, /user id/],
  ])('for %s', (_what, change, message, use = 'relay') => {
    expect(() => check(change, use)).toThrow(message);
    expect(() => check(change, use)).toThrow(expect.objectContaining({ blame: 'caller' }));
  });

  test.each([
    ['/logo.png', /begins with http/],
    ['ftp://pictures.test/logo.png', /begins with http/],
    ['file:///etc/passwd', /begins with http/],
    ['https://', /begins with http/],
    ['https://ann:secret@pictures.test/a.png', /user or password/],
    ['https://ann@pictures.test/a.png', /user or password/],
    ['https://pictures.test/a b.png', /letters, digits/],
    ['https://pictures.test/ä.png', /letters, digits/],
    ["https://pictures.test/a'b.png", /letters, digits/],
    ['https://pictures.test/$a.png', /letters, digits/],
    [`https://pictures.test/${'x'.repeat(2048)}`, /2048/],
  ])('for the picture %s, which is not told', (url, message) => {
    for (const change of [{ placeholder: url }, cell({ placeholder: url }), logo({ url })]) {
      expect(() => check(change, 'relay')).toThrow(message);
      expect(() => check(change, 'relay')).not.toThrow(/secret/);
    }
  });
});
