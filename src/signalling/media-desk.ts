import { GatewayError } from '../domain/errors.ts';
import { parseStreamId, type RoomId, sameRoom, sameUser, streamId } from '../domain/ids.ts';
import { type PublicUrls, playbackUrls } from '../domain/playback-urls.ts';
import { publishUrl } from '../domain/publish-request.ts';
import { encoderParameters } from '../domain/role-name.ts';
import type { Secret } from '../domain/secret.ts';
import { assertMayPublish, assertMayReceive } from '../domain/ticket-rights.ts';
import { signTicket } from '../identity/tickets.ts';
import type { Connection } from './connection.ts';
import type { RequestOf } from './protocol-requests.ts';
import type { Registry } from './registry.ts';
import type { Reply } from './requests.ts';
import { presentOf } from './room-desk.ts';

export interface MediaDeskDeps {
  readonly registry: Pick<Registry, 'snapshot'>;
  readonly clusterSecret: Secret;
  /** Of this gateway. */
  readonly publicUrls: () => PublicUrls;
  /** Of the gateway that has the stream; null: none is known to. */
  readonly findHome: (stream: {
    readonly appId: number;
    readonly room: RoomId;
    readonly streamId: string;
  }) => Promise<PublicUrls | null>;
  readonly now: () => number;
}

/** A member that goes on watching asks again; one that was removed does not watch for days. */
const PLAY_SECONDS = 4 * 3600;

/** Says where and how a member publishes, and where it plays the streams of its room. */
export class MediaDesk {
  readonly #deps: MediaDeskDeps;

  constructor(deps: MediaDeskDeps) {
    this.#deps = deps;
  }

  async publish(connection: Connection, { kind }: RequestOf<'publish'>): Promise<Reply<'publish'>> {
    const { login, room } = presentOf(connection);
    const { appId, userId } = login;
    const { role, roleName, permit } = connection;
    if (role === 'audience') {
      throw new GatewayError('forbidden', 'audience cannot publish: switch to anchor first');
    }
    assertMayPublish(permit, kind, this.#deps.now());
    const snapshot = await this.#deps.registry.snapshot(appId, room);
    const member = snapshot?.members.find((one) => sameUser(one.userId, userId));
    if (member?.blocked.audio && member.blocked.video) {
      throw new GatewayError('forbidden', 'the audio and video of this user are blocked');
    }
    const request = { appId, room, userId, userSig: '', kind, roleName };
    const { url } = publishUrl({ rtmpUrl: this.#deps.publicUrls().rtmp, ...request });
    return {
      answer: {
        streamId: streamId({ appId, room, userId, kind }),
        rtmpUrl: url.replace('usersig=&', ''),
        roleName,
        encoder: encoderParameters(login.roles, roleName, login.terminal),
      },
    };
  }

  async play(connection: Connection, request: RequestOf<'play'>): Promise<Reply<'play'>> {
    const { login, room } = presentOf(connection);
    const name = parseStreamId(request.streamId);
    if (name === null || name.appId !== login.appId || !sameRoom(name.room, room)) {
      throw new GatewayError('not-found', 'there is no such stream in this room');
    }
    assertMayReceive(connection.permit, name.kind);
    const stream = streamId(name);
    const home = await this.#deps.findHome({ appId: login.appId, room, streamId: stream });
    const expires = Math.floor(this.#deps.now() / 1000) + PLAY_SECONDS;
    const ticket = signTicket(this.#deps.clusterSecret, { use: 'play', stream, expires });
    return {
      answer: { ...playbackUrls(home ?? this.#deps.publicUrls(), stream, ticket), expiresAt: expires * 1000 },
    };
  }
}
