/** What is drawn: white text, from the top left of its box. */
export interface TextScript {
  readonly text: string;
  /** Pixels from line to line. */
  readonly fontSize: number;
  readonly width: number;
  readonly height: number;
  /** Left free at both sides, pixels. */
  readonly margin: number;
}

/** Scripts whose words are not divided by spaces. */
const UNDIVIDED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const OPENING = /[\p{Ps}\p{Pi}]$/u;
/** libass breaks lines at spaces only: this one has no width. */
const BREAK = '{\\fscx0} {\\fscx100}';
/** Between a backslash and what follows it, so that no markup comes of them; it has no picture. */
const WORD_JOINER = '\u2060';
/** Signs that ask for colour, which fonts of outlines have none of. */
const EMOJI_STYLE = /[\u{fe0e}\u{fe0f}\u{1f3fb}-\u{1f3ff}]/gu;
const NO_BREAK_AFTER_SPACE = /\s$/;

const words = new Intl.Segmenter('und', { granularity: 'word' });

/** The text with nothing in it that libass takes for markup. */
function escapeText(text: string): string {
  return text.replaceAll('\\', `\\${WORD_JOINER}`).replaceAll('{', '\\{').replaceAll('}', '\\}');
}

function withBreaks(line: string): string {
  let out = '';
  let before = '';
  for (const { segment, isWordLike } of words.segment(line)) {
    const may = before !== '' && isWordLike === true && !NO_BREAK_AFTER_SPACE.test(before);
    if (may && !OPENING.test(before) && (UNDIVIDED.test(before) || UNDIVIDED.test(segment))) out += BREAK;
    out += escapeText(segment);
    before = segment;
  }
  return out;
}

function script(fields: Omit<TextScript, 'text'>, events: readonly string[]): string {
  const { width, height, fontSize, margin } = fields;
  const look = '&H00FFFFFF,&H00FFFFFF,&H00FFFFFF,&H00FFFFFF,0,0,0,0,100,100,0,0,1,0,0,7';
  return [
    '[Script Info]',
    'ScriptType: v4.00+',
    `PlayResX: ${width}`,
    `PlayResY: ${height}`,
    // Lines as full as they can be.
    'WrapStyle: 1',
    '[V4+ Styles]',
    'Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding',
    // Encoding -1: the text itself tells whether it runs from right to left.
    `Style: text,sans-serif,${fontSize},${look},${margin},${margin},0,-1`,
    '[Events]',
    'Format: Layer, Start, End, Style, Text',
    ...events.map((event) => `Dialogue: 0,0:00:00.00,1:00:00.00,text,${event}`),
    '',
  ].join('\n');
}

/** The text as an ASS script, wrapped within its box. */
export function textScript({ text, ...fields }: TextScript): string {
  const lines = text
    .replace(EMOJI_STYLE, '')
    .replace(/\t/g, ' ')
    .split(/\r\n|[\n\r\u2028\u2029]/)
    // Other control characters have no picture.
    .map((line) => withBreaks(line.replace(/\p{Cc}/gu, '')));
  return script(fields, [lines.join('\\N')]);
}

/** Single characters side by side, each in a square of this side. */
export function glyphScript(glyphs: readonly string[], place: number, fontSize: number): string {
  const fields = { width: place * glyphs.length, height: place, fontSize, margin: 0 };
  return script(
    fields,
    glyphs.map((glyph, at) => `{\\pos(${at * place},0)}${escapeText(glyph)}`),
  );
}
