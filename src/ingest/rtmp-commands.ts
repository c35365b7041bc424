import type { NmsChunk, NmsInvoke } from 'node-media-server/src/session/rtmp_session.js';
import { GatewayError } from '../domain/errors.ts';
import { parseRtmpPath } from '../domain/publish-request.ts';

/** What a connection last asked for. */
export type Verb = 'connect' | 'publish' | 'play';

const AMF3_COMMAND = 17;
const AMF0_STRING = 2;
const STOP_COMMANDS = new Set(['FCUnpublish', 'deleteStream', 'closeStream']);
const APPS = new Set(['push', 'internal', 'live']);

/** The onStatus code that tells the peer why it was refused. */
export function refusedStatus(verb: Verb, error: GatewayError): string | null {
  if (verb === 'connect') return null;
  if (verb === 'play') {
    return error.code === 'not-found' ? 'NetStream.Play.StreamNotFound' : 'NetStream.Play.Failed';
  }
  const isTaken = error.code === 'fenced' || error.code === 'conflict';
  return isTaken ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Denied';
}

/** A command by which a publisher or player says that it stops; throws `bad-request` for what is no command. */
export function isStopCommand({ header, payload }: NmsChunk): boolean {
  const body = payload.subarray(header.type === AMF3_COMMAND ? 1 : 0, header.length);
  const nameEnd = body.length < 3 ? Number.POSITIVE_INFINITY : 3 + body.readUInt16BE(1);
  if (body[0] !== AMF0_STRING || nameEnd > body.length) {
    throw new GatewayError('bad-request', 'a command without a name');
  }
  return STOP_COMMANDS.has(body.toString('latin1', 3, nameEnd));
}

/** Only what was checked goes on to node-media-server: its answer echoes parts of the request. */
export function checkConnect(message: NmsInvoke): { app: string; checked: NmsInvoke } {
  const asked = (message.cmdObj ?? {}) as Record<string, unknown>;
  const { app, tcUrl, objectEncoding } = asked;
  if (typeof app !== 'string' || typeof tcUrl !== 'string' || !URL.canParse(tcUrl)) {
    throw new GatewayError('bad-request', 'connect has no app or a tcUrl that is no URL');
  }
  if (!APPS.has(parseRtmpPath({ app, name: '' }).app)) {
    throw new GatewayError('not-found', 'the RTMP application is push or live');
  }
  const transId = typeof message.transId === 'number' ? message.transId : 1;
  const cmdObj = { app, tcUrl, objectEncoding: objectEncoding === 3 ? 3 : 0 };
  return { app, checked: { ...message, transId, cmdObj } };
}
