import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/**
 * The least a server can do with the same traffic: `ws` by itself, rooms as sets of sockets, every change to everyone
 * in its room. It proves nobody, keeps nothing and knows no other server.
 */
interface Member {
  userId: string;
  order: number;
  enteredAt: number;
  role: 'anchor';
  roleName: string;
  terminal: 'other';
  isLost: boolean;
  media: { audio: boolean; video: boolean; screen: boolean };
  blocked: { audio: boolean; video: boolean };
  streams: never[];
}

interface PlainRoom {
  readonly id: { kind: 'number'; value: number };
  readonly createdAt: number;
  readonly members: Map<WebSocket, Member>;
  seq: number;
  orders: number;
}

interface PlainRequest {
  readonly id: number;
  readonly type: string;
  readonly userId?: string;
  readonly room?: { readonly kind: 'number'; readonly value: number };
  readonly roleName?: string;
  readonly audio?: boolean;
}

const rooms = new Map<number, PlainRoom>();
const users = new Map<WebSocket, { userId: string; room: PlainRoom | null }>();

function tell(room: PlainRoom, body: object, but: WebSocket | null = null): void {
  room.seq += 1;
  const event = { seq: room.seq, at: Date.now(), body };
  const data = Buffer.from(JSON.stringify({ type: 'event', room: room.id, event }));
  for (const socket of room.members.keys()) if (socket !== but) socket.send(data, { binary: false });
}

function memberOf(userId: string, order: number): Member {
  return {
    ...{ userId, order, enteredAt: Date.now(), role: 'anchor', roleName: 'hd', terminal: 'other' },
    ...{ isLost: false, media: { audio: false, video: false, screen: false } },
    ...{ blocked: { audio: false, video: false }, streams: [] },
  };
}

function enter(socket: WebSocket, userId: string, id: PlainRoom['id']): object {
  const known = rooms.get(id.value);
  const room = known ?? { id, createdAt: Date.now(), members: new Map(), seq: 0, orders: 0 };
  rooms.set(id.value, room);
  room.orders += 1;
  const member = memberOf(userId, room.orders);
  room.members.set(socket, member);
  users.set(socket, { userId, room });
  tell(room, { type: 'member-entered', member }, socket);
  const members = [...room.members.values()];
  const { createdAt, seq } = room;
  return { roleName: 'hd', snapshot: { room: id, createdAt, ownerUserId: userId, seq, members } };
}

function leave(socket: WebSocket): void {
  const user = users.get(socket);
  if (!user?.room) return;
  const { room, userId } = user;
  user.room = null;
  room.members.delete(socket);
  tell(room, { type: 'member-left', userId, reason: 'normal' });
}

function change(socket: WebSocket, request: PlainRequest): void {
  const room = users.get(socket)?.room;
  const member = room?.members.get(socket);
  if (!room || !member) return;
  const { roleName, audio = false } = request;
  const made = roleName === undefined ? { media: { audio, video: true, screen: false } } : { roleName };
  Object.assign(member, made);
  tell(room, { type: 'member-changed', userId: member.userId, change: made });
}

function answer(socket: WebSocket, request: PlainRequest): object {
  if (request.type === 'login') users.set(socket, { userId: request.userId ?? '', room: null });
  else if (request.type === 'enter' && request.room)
    return enter(socket, users.get(socket)?.userId ?? '', request.room);
  else if (request.type === 'leave') leave(socket);
  else change(socket, request);
  return {};
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', clientTracking: false });
server.on('connection', (socket) => {
  socket.on('message', (data: Buffer) => {
    const request = JSON.parse(data.toString('utf8')) as PlainRequest;
    const answered = answer(socket, request);
    if (socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ id: request.id, ok: true, ...answered }));
    }
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    leave(socket);
    users.delete(socket);
  });
});
server.on('listening', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
