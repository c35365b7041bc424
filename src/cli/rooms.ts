import type { z } from 'zod';
import {
  dismissedAnswer,
  removedAnswer,
  removeUsersSchema,
  roomAnswer,
  roomsAnswer,
} from '../api/operator/room-schemas.ts';
import { openApi } from './api-client.ts';
import { blockCommand, unblockCommand } from './block.ts';
import { type Command, type CommandIo, parseCommandArgs } from './command.ts';
import { checkBody, parseUserOption } from './options.ts';
import { ROOM_OPTIONS, roomPath } from './room-path.ts';
import { showRoom } from './room-text.ts';
import { runSubcommand } from './subcommand.ts';
import { alignTable } from './table.ts';

type Room = z.output<typeof roomAnswer>;

const HEAD = ['APP', 'ROOM', 'USER', 'STATE', 'BLOCKED', 'STREAMS'];

function rowsOf(room: Room): string[][] {
  const where = [String(room.sdkAppId), showRoom(room.room)];
  const users = room.users.map((user) => {
    const streams = user.streams.map((stream) => stream.streamId).join(' ');
    const state = user.lostAt === null ? 'here' : 'lost';
    const { audio, video } = user.blocked;
    const blocked = [...(audio ? ['audio'] : []), ...(video ? ['video'] : [])].join('+') || '-';
    return [...where, user.userId, state, blocked, streams];
  });
  return [...users, ...room.robots.map((robot) => [...where, robot.userId, 'robot', '-', robot.streamId])];
}

async function listRooms(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values } = parseCommandArgs(argv, { json: ROOM_OPTIONS.json });
  const api = await openApi(io);
  const rooms = await api.call({ method: 'GET', path: '/rooms', answer: roomsAnswer });
  if (values.json) io.stdout(JSON.stringify(rooms));
  else if (rooms.length === 0) io.stdout('no live room');
  else alignTable(HEAD, rooms.flatMap(rowsOf)).forEach(io.stdout);
}

async function showOne(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values } = parseCommandArgs(argv, ROOM_OPTIONS);
  const path = roomPath(values);
  const api = await openApi(io);
  const room = await api.call({ method: 'GET', path, answer: roomAnswer });
  if (values.json) {
    io.stdout(JSON.stringify(room));
    return;
  }
  const since = new Date(room.createdAt).toISOString();
  io.stdout(`room ${showRoom(room.room)} of ${room.ownerUserId}, since ${since}`);
  alignTable(HEAD, rowsOf(room)).forEach(io.stdout);
}

async function dismissRoom(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values } = parseCommandArgs(argv, ROOM_OPTIONS);
  const path = roomPath(values);
  const api = await openApi(io);
  const dismissed = await api.call({ method: 'DELETE', path, answer: dismissedAnswer });
  io.stdout(values.json ? JSON.stringify(dismissed) : `room ${showRoom(dismissed.room)} dismissed`);
}

async function removeUsers(argv: readonly string[], io: CommandIo): Promise<void> {
  const options = { ...ROOM_OPTIONS, user: { type: 'string', multiple: true } } as const;
  const { values } = parseCommandArgs(argv, options);
  const path = roomPath(values, '/remove');
  const userIds = (values.user ?? []).map((user) => parseUserOption('--user', user));
  const body = checkBody(removeUsersSchema, { userIds });
  const api = await openApi(io);
  const { removed } = await api.call({ method: 'POST', path, body, answer: removedAnswer });
  io.stdout(values.json ? JSON.stringify({ removed }) : `removed: ${removed.join(', ')}`);
}

async function block(argv: readonly string[], io: CommandIo): Promise<void> {
  await blockCommand.run(argv, io);
}

async function unblock(argv: readonly string[], io: CommandIo): Promise<void> {
  await unblockCommand.run(argv, io);
}

export const roomsCommand: Command = {
  name: 'rooms',
  usage: 'rooms [list|show|dismiss|remove|block|unblock] ... [--json]',
  summary: 'List live rooms with their users, streams and robots; show or dismiss one, remove users.',
  help: [
    'list   what `rooms` alone does; a robot is the user as whom a mix is published',
    'show --room R [--string-room] [--app A]',
    'dismiss --room R ...   takes everybody out and ends the room; prints {"room"} with --json',
    'remove --room R ... --user U [--user U ...]   takes users out with their streams; they may enter again;',
    '   prints {"removed"} with --json',
    'block, unblock   as the commands of that name',
    'list prints with --json [ROOM], show ROOM:',
    '  {"sdkAppId","room","createdAt","ownerUserId","users":[{"userId","enteredAt","lostAt",',
    '  "role","roleName","session":{"since","lostAt"} or null,',
    '  "blocked":{"audio","video"},"streams":[{"streamId","kind","publishedAt",',
    '  "tracks":{"audio","video"}}]}],',
    '  "robots":[{"userId","streamId","tasks"}]}; times are unix ms',
  ],
  run: (argv, io) => {
    const isList = argv[0] === undefined || argv[0].startsWith('-');
    return runSubcommand(isList ? ['list', ...argv] : argv, io, {
      list: listRooms,
      show: showOne,
      dismiss: dismissRoom,
      remove: removeUsers,
      block,
      unblock,
    });
  },
};
