import { GatewayError } from './errors.ts';
import { parseIntegerRoom, parseStringRoom, parseUserId, type RoomId, type StreamKind } from './ids.ts';

/** What an RTMP publisher asks for; nothing of it is proven yet. */
export interface PublishRequest {
  readonly appId: number;
  readonly room: RoomId;
  readonly userId: string;
  readonly userSig: string;
  readonly kind: StreamKind;
  readonly privateMapKey?: string;
  /** A role name of the app. */
  readonly roleName?: string;
  /** Sent by old clients. */
  readonly accountType?: number;
}

/** An RTMP `app` with or without a room and a query behind it, and the stream name. */
export interface RtmpNames {
  readonly app: string;
  readonly name: string;
}

/** A name of an RTMP path and the parameters that came with it, percent-decoded. */
export interface RtmpPath {
  readonly app: string;
  readonly name: string;
  readonly query: ReadonlyMap<string, string>;
}

const MAX_NAME_CHARS = 4096;
const MAX_PARAMETERS = 32;
const MAX_UINT32 = 4_294_967_295;

function badRequest(message: string): GatewayError {
  return new GatewayError('bad-request', message);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('the RTMP path has a broken percent escape'); // URIError says no more
  }
}

function addQuery(query: Map<string, string>, text: string): void {
  for (const part of text.split('&')) {
    if (part === '') continue;
    const cut = part.indexOf('=');
    const key = decode(cut < 0 ? part : part.slice(0, cut));
    const value = cut < 0 ? '' : decode(part.slice(cut + 1));
    const known = query.get(key);
    if (known !== undefined && known !== value) throw badRequest('a parameter was given twice');
    query.set(key, value);
    if (query.size > MAX_PARAMETERS) throw badRequest('there are too many parameters');
  }
}

function splitQuery(text: string): [path: string, query: string] {
  const cut = text.indexOf('?');
  return cut < 0 ? [text, ''] : [text.slice(0, cut), text.slice(cut + 1)];
}

/**
 * The application, stream name and parameters of a `connect` and a `publish` or `play`. Encoders differ in
 * where they cut the URL: name or query may come with `app`. Throws `bad-request`.
 */
export function parseRtmpPath(names: RtmpNames): RtmpPath {
  if (names.app.length + names.name.length > MAX_NAME_CHARS) throw badRequest('the RTMP path is too long');
  const [appPath, appQuery] = splitQuery(names.app);
  const [namePath, nameQuery] = splitQuery(names.name);
  const segments = `${appPath}/${namePath}`.split('/').filter((segment) => segment !== '');
  if (segments.length > 2) throw badRequest('the RTMP path has more parts than application and name');
  const query = new Map<string, string>();
  addQuery(query, appQuery);
  addQuery(query, nameQuery);
  return { app: decode(segments[0] ?? ''), name: decode(segments[1] ?? ''), query };
}

function parseAppId(text: string): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new GatewayError('bad-app-id', 'sdkappid is missing or no number');
  return value;
}

function parseFlag(text: string, name: string): boolean {
  if (text !== '0' && text !== '1') throw badRequest(`${name} is 0 or 1`);
  return text === '1';
}

function parseKind(text: string): StreamKind {
  if (text !== 'main' && text !== 'aux') throw badRequest('stream is main or aux');
  return text;
}

function parseAccountType(text: string): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= MAX_UINT32)) throw badRequest('accounttype is a number from 0 to 4294967295');
  return value;
}

/** `rtmp://HOST/push/ROOM?sdkappid=A&userid=U&usersig=S`; throws `bad-request` and the `bad-...` codes. */
export function parsePublishRequest(path: RtmpPath): PublishRequest {
  const { query } = path;
  const userSig = query.get('usersig') ?? '';
  const isInteger = parseFlag(query.get('use_number_room_id') ?? '0', 'use_number_room_id');
  const appId = parseAppId(query.get('sdkappid') ?? '');
  const room = isInteger ? parseIntegerRoom(path.name) : parseStringRoom(path.name);
  const userId = parseUserId(query.get('userid') ?? '');
  const kind = parseKind(query.get('stream') ?? 'main');
  const privateMapKey = query.get('private_map_key');
  const roleName = query.get('role');
  const accountType = query.get('accounttype');
  return {
    ...{ appId, room, userId, userSig, kind },
    ...(privateMapKey !== undefined && { privateMapKey }),
    ...(roleName !== undefined && { roleName }),
    ...(accountType !== undefined && { accountType: parseAccountType(accountType) }),
  };
}

export interface PublishUrlRequest extends PublishRequest {
  /** `rtmp://host:port`, no slash at the end. */
  readonly rtmpUrl: string;
}

/** Where and with which key an encoder publishes: one URL, or OBS's server and stream key. */
export interface PublishUrl {
  readonly url: string;
  readonly obsServer: string;
  readonly obsKey: string;
}

/** The publish URL of a user; the UserSig and the PrivateMapKey in it are secrets. */
export function publishUrl(request: PublishUrlRequest): PublishUrl {
  const query = new URLSearchParams({
    sdkappid: String(request.appId),
    userid: request.userId,
    usersig: request.userSig,
  });
  if (request.room.kind === 'number') query.set('use_number_room_id', '1');
  if (request.kind === 'aux') query.set('stream', 'aux');
  if (request.privateMapKey !== undefined) query.set('private_map_key', request.privateMapKey);
  if (request.roleName !== undefined) query.set('role', request.roleName);
  if (request.accountType !== undefined) query.set('accounttype', String(request.accountType));
  const obsServer = `${request.rtmpUrl}/push`;
  const obsKey = `${encodeURIComponent(String(request.room.value))}?${query}`;
  return { url: `${obsServer}/${obsKey}`, obsServer, obsKey };
}
