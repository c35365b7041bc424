import { programmeChange } from '../api/operator/programme-json.ts';
import { loadConfig } from '../config/env.ts';
import { canonicalUser, type RoomId, roomKey, type StreamKind, streamId } from '../domain/ids.ts';
import type { LayoutBox } from '../domain/layout/box.ts';
import type { LayoutSpec } from '../domain/layout/spec.ts';
import { inOwnRoom } from '../domain/own-room.ts';
import type { ProgrammeSpec } from '../domain/programme.ts';
import { startProgramme } from '../domain/programme-change.ts';
import { checkProgramme } from '../domain/programme-rules.ts';
import type { PreviewStream } from '../media/preview/preview.ts';
import { type Command, type CommandIo, parseCommandArgs, UsageError } from './command.ts';
import { asUsage, parseCount } from './options.ts';
import { newProgrammeOf, PROGRAMME_OPTIONS, readProgrammeFile } from './programme-options.ts';
import { alignTable } from './table.ts';

const MAX_USERS = 30;
const DEFAULT_USERS = 4;
const DEFAULT_OUT = 'layout.png';
/** Any numbers do: nothing is asked of a gateway. */
const APP_ID = 1;
const ROOM: RoomId = { kind: 'number', value: 1 };
/** Cameras as they come, one after the other: wide, old and upright. */
const CAMERAS = [
  { width: 1280, height: 720 },
  { width: 640, height: 480 },
  { width: 720, height: 1280 },
] as const;
const SCREEN = { width: 1920, height: 1080 };

interface Named {
  readonly userId: string;
  readonly stream: StreamKind;
  readonly room?: RoomId | undefined;
}

/** Who the layout itself names: they are in the room first. */
function namedIn(layout: LayoutSpec): Named[] {
  if (layout.mode === 'custom') return layout.cells.flatMap(({ source }) => (source ? [source] : []));
  if (layout.mode === 'grid' || !layout.main) return [];
  const { userId, stream = 'main' } = layout.main;
  return [{ userId, stream }];
}

function streamOf({ userId, stream, room }: Named, index: number): PreviewStream {
  const id = streamId({ appId: APP_ID, room: room ?? ROOM, userId, kind: stream });
  const ref = { streamId: id, userId, stream, ...(room && { room }) };
  return { ref, size: stream === 'aux' ? SCREEN : (CAMERAS[index % CAMERAS.length] ?? CAMERAS[0]) };
}

/** The streams of a room of so many users: those the layout names, others up to the number, a screen of the first. */
export function previewStreams(layout: LayoutSpec, users: number, withScreen: boolean): PreviewStream[] {
  const named = namedIn(layout);
  const keyOf = ({ userId, room }: Named) => `${roomKey(APP_ID, room ?? ROOM)} ${canonicalUser(userId)}`;
  const people = new Map(named.map((one) => [keyOf(one), one]));
  for (let number = 1; people.size < users; number += 1) {
    const one: Named = { userId: `user${number}`, stream: 'main' };
    if (!people.has(keyOf(one))) people.set(keyOf(one), one);
  }
  const first = [...people.keys()][0];
  return [...people].flatMap(([key, person], index) => {
    const shares = named.some((one) => keyOf(one) === key && one.stream === 'aux');
    const camera = streamOf({ ...person, stream: 'main' }, index);
    const hasScreen = shares || (withScreen && key === first);
    return hasScreen ? [camera, streamOf({ ...person, stream: 'aux' }, index)] : [camera];
  });
}

interface Told {
  readonly userId: string | null;
  readonly stream: StreamKind | null;
  readonly source: string | null;
}

function tellBox(box: LayoutBox, streams: readonly PreviewStream[]): Told & Omit<LayoutBox, 'streamId'> {
  const { streamId: id, ...place } = box;
  const shown = streams.find(({ ref }) => ref.streamId === id);
  const source = shown ? `${shown.size.width}x${shown.size.height}` : null;
  return { userId: shown?.ref.userId ?? null, stream: shown?.ref.stream ?? null, source, ...place };
}

function boxLines(boxes: readonly ReturnType<typeof tellBox>[]): string[] {
  const rows = boxes.map((box) => [
    `${box.userId ?? '(placeholder)'}${box.stream === 'aux' ? ' (screen)' : ''}`,
    box.source ?? '',
    `${box.x},${box.y}`,
    `${box.width}x${box.height}`,
    String(box.zOrder),
    box.renderMode,
  ]);
  return alignTable(['USER', 'SOURCE', 'AT', 'SIZE', 'Z', 'SHOWN BY'], rows);
}

const OPTIONS = {
  ...PROGRAMME_OPTIONS,
  users: { type: 'string' },
  screen: { type: 'boolean', default: false },
  out: { type: 'string', default: DEFAULT_OUT },
  json: { type: 'boolean', default: false },
} as const;

async function readProgramme(argv: readonly string[], io: CommandIo) {
  const { values } = parseCommandArgs(argv, OPTIONS);
  const file = await readProgrammeFile(values.programme, io.stdin);
  const fields = { ...file, ...newProgrammeOf(values, file) };
  const programme: ProgrammeSpec = asUsage('layout', () => {
    const asked = inOwnRoom(startProgramme(programmeChange(fields)), ROOM);
    checkProgramme(asked, 'record');
    return asked;
  });
  const { video, layout } = programme;
  if (video === null) throw new UsageError('a programme of sound only has no picture');
  const cells = layout.mode === 'custom' ? layout.cells.length : DEFAULT_USERS;
  const users = values.users === undefined ? cells : parseCount('--users', values.users);
  if (users < 1 || users > MAX_USERS) throw new UsageError(`--users is 1 to ${MAX_USERS}`);
  return {
    values,
    programme: { ...programme, video },
    streams: previewStreams(layout, users, values.screen),
  };
}

export const layoutCommand: Command = {
  name: 'layout',
  usage: 'layout [--users N] [--screen] [--out picture.png] [PROGRAMME] [--json]',
  summary: 'Draw a layout with test cards into a PNG, by the code that draws it on the air.',
  help: [
    `--users N      users in the room, ${DEFAULT_USERS} by default, for a custom layout as many as it has cells; who the`,
    '               layout names is among them, and first; cameras are wide, 4:3 and upright in turn',
    '--screen       the first user shares a screen too',
    `--out FILE     ${DEFAULT_OUT} by default; an existing file is replaced`,
    'PROGRAMME      the options of `relay start`: --layout, --main, --main-side, --size, --background, --text,',
    '               --timestamp, --logo, --programme FILE ...; up to 25 users with {"maxInputs":25} in the file',
    'Needs no running roomcast. A card has a frame along its edges and a circle: what is cut or bent shows.',
    'With --json: {"file","width","height","boxes":[{"userId","stream","source","x","y","width","height","zOrder",',
    '"renderMode"}]}',
  ],
  run: async (argv, io) => {
    const { values, programme, streams } = await readProgramme(argv, io);
    const config = loadConfig(io.env);
    const { drawPreview, previewBoxes, writePng } = await import('../media/preview/preview.ts');
    const log = io.log('layout', config.logLevel);
    const picture = await drawPreview({
      programme,
      streams,
      networks: config.pictureNetworks,
      log,
      signal: io.signal,
      onEvent: (event) => {
        if (event.type === 'picture-failed') io.stderr(`${event.url} is not shown: ${event.reason}`);
      },
    });
    await writePng(picture, programme.video, values.out, log);
    const boxes = previewBoxes({ programme, streams }).map((box) => tellBox(box, streams));
    const { width, height } = programme.video;
    if (values.json) io.stdout(JSON.stringify({ file: values.out, width, height, boxes }));
    else [...boxLines(boxes), `${width}x${height}, drawn into ${values.out}`].forEach(io.stdout);
    return 0;
  },
};
