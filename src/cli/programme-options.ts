import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { describeIssues } from '../api/error-envelope.ts';
import { programmeChange, programmeJson } from '../api/operator/programme-json.ts';
import {
  type ProgrammeFields,
  type ProgrammeJson,
  programmeAnswer,
  programmeSchema,
} from '../api/operator/programme-schema.ts';
import { defined, startProgramme } from '../domain/programme-change.ts';
import { type CommandIo, UsageError } from './command.ts';
import { asUsage, parseCount, parseUserOption } from './options.ts';
import { SOUND_OPTIONS, soundOf } from './sound-options.ts';
import { WATERMARK_OPTIONS, watermarksOf } from './watermark-options.ts';

export const PROGRAMME_OPTIONS = {
  programme: { type: 'string' },
  layout: { type: 'string' },
  main: { type: 'string' },
  'main-side': { type: 'string' },
  size: { type: 'string' },
  fps: { type: 'string' },
  bitrate: { type: 'string' },
  background: { type: 'string' },
  placeholder: { type: 'string' },
  ...WATERMARK_OPTIONS,
  ...SOUND_OPTIONS,
} as const;

/** Of `relay` and `record`, start and update. */
export const PROGRAMME_HELP = [
  'PROGRAMME is any of these:',
  '   --layout grid|floating|share   grid by default; --main USER: the big picture in floating (else the first in',
  '                       the room) and share (without one its place stays empty); --main-side left|right in share',
  '   --size 1280x720     even, 16x16 to 1920x1920; --fps 1 to 60; --bitrate 10 to 10000 kbps: of the video',
  '   --background        a colour like #101418, or the URL of a picture; none takes the picture away',
  '   --placeholder URL   picture for who has none; none takes it away',
  '   --text TEXT         a line along the bottom; --timestamp PLACE[@HOURS]: date and time, like top-right@-3.5;',
  '   --logo URL[@X,Y,WxH]   a picture, at the top right by default; none takes each of them away',
  '   --mute USER, --unmute USER, --level USER=50, --allow USER (nobody else is heard), --allow-all',
  '   --programme FILE    JSON of a programme as `show --json` tells it, for everything that has no option:',
  '                       custom layouts, crops, opacity, encoder settings, SEI; `-` is stdin; options win',
] as const;

type OptionName = keyof typeof PROGRAMME_OPTIONS;
type ListName = 'mute' | 'unmute' | 'allow' | 'level';
type FlagName = 'allow-all';
export type ProgrammeValues = {
  readonly [K in OptionName]?:
    | (K extends ListName ? string[] : K extends FlagName ? boolean : string)
    | undefined;
};

const NONE = 'none';
const LAYOUTS = ['grid', 'floating', 'share'] as const;
const SIDES = ['left', 'right'] as const;

function oneOf<T extends string>(option: string, text: string, values: readonly T[]): T {
  const value = values.find((one) => one === text);
  if (value === undefined) {
    throw new UsageError(`${option} is ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`);
  }
  return value;
}

export function parseSize(text: string): { width: number; height: number } {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  if (!match) throw new UsageError('--size is like 1280x720');
  return { width: Number(match[1]), height: Number(match[2]) };
}

function assertHasMain(mode: ProgrammeJson['layout']['mode']): void {
  if (mode !== 'floating' && mode !== 'share') {
    throw new UsageError('--main is for the layouts floating and share');
  }
}

function layoutOf(values: ProgrammeValues, present: ProgrammeJson): Pick<ProgrammeFields, 'layout' | 'main'> {
  const mode = values.layout === undefined ? undefined : oneOf('--layout', values.layout, LAYOUTS);
  const main = values.main === undefined ? undefined : parseUserOption('--main', values.main);
  const shown = mode ?? present.layout.mode;
  if (main !== undefined && mode !== undefined) assertHasMain(mode);
  if (values['main-side'] === undefined) return { layout: mode, main };
  if (shown !== 'share') throw new UsageError('--main-side is for the layout share');
  const mainSide = oneOf('--main-side', values['main-side'], SIDES);
  const { layout } = present;
  if (layout.mode === 'share') return { layout: { ...layout, mainSide }, main };
  const kept = layout.mode === 'floating' && layout.main ? { main: layout.main } : {};
  return { layout: { mode: 'share', mainSide, ...kept }, main };
}

function videoOf({ size, fps, bitrate }: ProgrammeValues): ProgrammeFields['video'] {
  if (size === undefined && fps === undefined && bitrate === undefined) return undefined;
  return {
    ...(size === undefined ? {} : parseSize(size)),
    ...(fps === undefined ? {} : { fps: parseCount('--fps', fps) }),
    ...(bitrate === undefined ? {} : { bitrateKbps: parseCount('--bitrate', bitrate) }),
  };
}

function backgroundOf(text: string | undefined): Pick<ProgrammeFields, 'background' | 'backgroundPicture'> {
  if (text === undefined) return {};
  if (text === NONE) return { backgroundPicture: null };
  return text.startsWith('#') ? { background: text } : { backgroundPicture: { url: text } };
}

/** What the options ask for, given the programme they change; throws UsageError. */
export function programmeOf(values: ProgrammeValues, now: ProgrammeJson): ProgrammeFields {
  const { placeholder } = values;
  return defined({
    ...layoutOf(values, now),
    video: videoOf(values),
    ...backgroundOf(values.background),
    placeholder: placeholder === NONE ? null : placeholder,
    watermarks: watermarksOf(values, now, values.size === undefined ? now.video : parseSize(values.size)),
    sound: soundOf(values, now.sound),
  });
}

/** As programmeOf, for a programme that begins with the file: what it shows at first is known. */
export function newProgrammeOf(values: ProgrammeValues, file: ProgrammeFields): ProgrammeFields {
  const begun = startedWith(file);
  if (values.main !== undefined && values.layout === undefined) assertHasMain(begun.layout.mode);
  return programmeOf(values, begun);
}

/** The default programme with what a file says of it, as the API would tell it. */
export function startedWith(file: ProgrammeFields): ProgrammeJson {
  return asUsage('--programme', () =>
    programmeAnswer.parse(programmeJson(startProgramme(programmeChange(file)))),
  );
}

/** The JSON of a programme file, `-` is stdin; nothing without one. Throws UsageError in one sentence. */
export async function readProgrammeFile(
  path: string | undefined,
  stdin: CommandIo['stdin'],
): Promise<ProgrammeFields> {
  if (path === undefined) return {};
  const read = path === '-' ? textOf(stdin) : readFile(path, 'utf8');
  const json = await read.then(
    (text) => parseJson(text),
    () => {
      throw new UsageError(`--programme: the file ${path} cannot be read`);
    },
  );
  const parsed = programmeSchema.safeParse(json);
  if (!parsed.success) throw new UsageError(`--programme: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError('--programme: the file is no JSON');
  }
}
