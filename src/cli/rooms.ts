import type { z } from 'zod';
import { roomsAnswer } from '../api/operator/schemas.ts';
import { openApi } from './api-client.ts';
import { type Command, parseCommandArgs } from './command.ts';
import { alignTable } from './table.ts';

type Room = z.output<typeof roomsAnswer>[number];

/** A string room is shown in quotes, as everywhere. */
export function showRoom(room: number | string): string {
  return typeof room === 'number' ? String(room) : JSON.stringify(room);
}

function rowsOf(room: Room): string[][] {
  return room.users.map((user) => {
    const streams = user.streams.map((stream) => stream.streamId).join(' ');
    const state = user.lostAt === null ? 'here' : 'lost';
    const { audio, video } = user.blocked;
    const blocked = [...(audio ? ['audio'] : []), ...(video ? ['video'] : [])].join('+') || '-';
    return [String(room.sdkAppId), showRoom(room.room), user.userId, state, blocked, streams];
  });
}

export const roomsCommand: Command = {
  name: 'rooms',
  usage: 'rooms [--json]',
  summary: 'List live rooms with their users and streams.',
  help: [
    'With --json: [{"sdkAppId","room","createdAt","users":[{"userId","enteredAt","lostAt",',
    '  "blocked":{"audio","video"},',
    '  "streams":[{"streamId","kind","publishedAt"}]}]}]; times are unix ms',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const api = await openApi(io);
    const rooms = await api.call({ method: 'GET', path: '/rooms', answer: roomsAnswer });
    if (values.json) io.stdout(JSON.stringify(rooms));
    else if (rooms.length === 0) io.stdout('no live room');
    else
      alignTable(['APP', 'ROOM', 'USER', 'STATE', 'BLOCKED', 'STREAMS'], rooms.flatMap(rowsOf)).forEach(
        io.stdout,
      );
    return 0;
  },
};
