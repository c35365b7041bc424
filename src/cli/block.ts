import { blockedSchema } from '../api/operator/room-schemas.ts';
import { openApi } from './api-client.ts';
import { type Command, type CommandIo, parseCommandArgs } from './command.ts';
import { parseRoomOptions, parseUserOption, requireOption } from './options.ts';
import { ROOM_OPTIONS, roomPath } from './room-path.ts';
import { showRoom } from './room-text.ts';

const WHERE = { ...ROOM_OPTIONS, user: { type: 'string' } } as const;

interface Place {
  readonly room?: string | undefined;
  readonly user?: string | undefined;
  readonly 'string-room': boolean;
  readonly app?: string | undefined;
  readonly json: boolean;
}

interface Blocked {
  readonly audio: boolean;
  readonly video: boolean;
}

function describe({ audio, video }: Blocked): string {
  if (audio && video) return 'is neither heard nor seen';
  if (audio) return 'is not heard';
  return video ? 'is not seen' : 'is heard and seen';
}

async function setBlocked(values: Place, blocked: Blocked, io: CommandIo): Promise<0> {
  const user = parseUserOption('--user', requireOption('--user', values.user));
  const path = roomPath(values, `/users/${user}/blocked`);
  const api = await openApi(io);
  const answer = await api.call({
    method: 'PUT',
    path,
    body: blocked,
    answer: blockedSchema,
  });
  io.stdout(
    values.json
      ? JSON.stringify(answer)
      : `${user} in room ${showRoom(parseRoomOptions(values).value)} ${describe(answer)} from now on`,
  );
  return 0;
}

export const blockCommand: Command = {
  name: 'block',
  usage: 'block --room R --user U [--audio] [--video] [--string-room] [--app A] [--json]',
  summary: 'Let nobody hear or see a user of a room, until the user leaves it.',
  help: [
    '--audio        only the sound; a picture blocked before is free then',
    '--video        only the picture; a sound blocked before is free then',
    '--string-room  R is a text, not a number',
    'Without --audio and --video both are blocked.',
    'With --json: {"audio","video"}',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, {
      ...WHERE,
      audio: { type: 'boolean', default: false },
      video: { type: 'boolean', default: false },
    });
    const both = values.audio === values.video;
    return setBlocked(values, { audio: both || values.audio, video: both || values.video }, io);
  },
};

export const unblockCommand: Command = {
  name: 'unblock',
  usage: 'unblock --room R --user U [--string-room] [--app A] [--json]',
  summary: 'Let a user of a room be heard and seen again.',
  help: ['--string-room  R is a text, not a number', 'With --json: {"audio","video"}'],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, WHERE);
    return setBlocked(values, { audio: false, video: false }, io);
  },
};
