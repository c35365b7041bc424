import { describe, expect, it } from 'vitest';
import { type App, DEFAULT_APP_SETTINGS } from '../../../src/config/app.ts';
import { GatewayError } from '../../../src/domain/errors.ts';
import { parseIntegerRoom, parseStringRoom, type RoomId, type StreamKind } from '../../../src/domain/ids.ts';
import type { PlayProof } from '../../../src/domain/play-proof.ts';
import { type PublishUrlRequest, parseRtmpPath, publishUrl } from '../../../src/domain/publish-request.ts';
import { PLAIN_PARAMETERS } from '../../../src/domain/role-name.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type PrivateMapKeyRequest, signPrivateMapKey } from '../../../src/identity/private-map-key.ts';
import { signTicket } from '../../../src/identity/tickets.ts';
import { signUserSig } from '../../../src/identity/user-sig.ts';
import { assertMayPlay, grantUserPublish, requireStreamName } from '../../../src/ingest/access.ts';

const NOW = 1_700_000_000_000;
const clusterSecret = new Secret('a cluster secret of tests');
const secretKey = new Secret('k'.repeat(64));

function app(sdkAppId: number, playback: App['playback']): App {
  return {
    ...DEFAULT_APP_SETTINGS,
    sdkAppId,
    name: 'test',
    secretKey,
    apiKeys: [],
    accountType: 0,
    playback,
  };
}

/** `app/room/user` of those who are in a room. */
const members = new Set<string>();
const deps = {
  apps: { apps: [app(1, 'public'), app(2, 'token')], adminToken: new Secret('admin') },
  clusterSecret,
  isMember: async (appId: number, room: RoomId, userId: string) =>
    members.has(`${appId}/${room.value}/${userId}`),
};

/** `played`, or the code it was refused by. */
async function play(text: string, isMix: boolean, proof: PlayProof = { type: 'none' }): Promise<string> {
  try {
    await assertMayPlay(deps, { ...requireStreamName(text), isMix }, proof, NOW);
    return 'played';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

function ticketFor(stream: string, expires = NOW / 1000 + 60): PlayProof {
  return { type: 'ticket', ticket: signTicket(clusterSecret, { use: 'play', stream, expires }) };
}

function member(appId: number, userId: string, sigFor = userId): PlayProof {
  const request = { secretKey, sdkAppId: appId, userId: sigFor, expireSeconds: 60, nowMs: NOW };
  return { type: 'member', appId, userId, userSig: signUserSig(request) };
}

describe('a viewer', () => {
  it('needs no ticket for a mix of an app with public playback, and for nothing else', async () => {
    expect(await play('1_7_mix_main', true)).toBe('played');
    for (const [stream, isMix] of [
      ['1_7_ann_main', false],
      ['2_7_mix_main', true],
      ['2_7_ann_main', false],
      ['3_7_mix_main', true],
    ] as const) {
      expect(await play(stream, isMix), stream).toBe('ticket-invalid');
      expect(await play(stream, isMix, ticketFor('1_7_mix_main')), stream).toBe('ticket-invalid');
      expect(await play(stream, isMix, ticketFor(stream, NOW / 1000 - 1)), stream).toBe('ticket-expired');
      expect(await play(stream, isMix, ticketFor(stream)), stream).toBe('played');
    }
  });

  it('who is in the room now plays its raw streams with a UserSig, and no mix that needs a ticket', async () => {
    members.add('2/7/bob');
    expect(await play('2_7_ann_main', false, member(2, 'bob'))).toBe('played');
    expect(await play('2_7_ann_aux', false, member(2, 'bob'))).toBe('played');
    expect(await play('2_7_mix_main', true, member(2, 'bob'))).toBe('ticket-invalid');
    expect(await play('2_8_ann_main', false, member(2, 'bob'))).toBe('forbidden');
    expect(await play('2_7_ann_main', false, member(2, 'eve'))).toBe('forbidden');
    expect(await play('2_7_ann_main', false, member(2, 'bob', 'eve'))).toBe('sig-mismatch');
    members.delete('2/7/bob');
    expect(await play('2_7_ann_main', false, member(2, 'bob'))).toBe('forbidden');
  });

  it('of one app plays nothing of another, whose rooms and users have the same names', async () => {
    members.add('1/7/bob');
    expect(await play('1_7_ann_main', false, member(1, 'bob'))).toBe('played');
    expect(await play('2_7_ann_main', false, member(1, 'bob'))).toBe('forbidden');
    expect(await play('2_7_ann_main', false, ticketFor('1_7_ann_main'))).toBe('ticket-invalid');
    expect(await play('3_7_ann_main', false, member(3, 'bob'))).toBe('forbidden');
  });
});

describe('a publisher over RTMP', () => {
  const room = parseIntegerRoom('7');
  const publish = (change: Partial<PublishUrlRequest>, settings: Partial<App> = {}) => {
    const sig = { secretKey, sdkAppId: 1, userId: 'ann', expireSeconds: 60, nowMs: NOW };
    const request = { appId: 1, room, userId: 'ann', userSig: signUserSig(sig), kind: 'main' as const };
    const { obsKey } = publishUrl({ rtmpUrl: '', ...request, ...change });
    const apps = { ...deps.apps, apps: [{ ...app(1, 'public'), ...settings }] };
    return grantUserPublish({ ...deps, apps }, parseRtmpPath({ app: 'push', name: obsKey }), NOW);
  };
  const key = (change: Partial<PrivateMapKeyRequest> = {}) =>
    signPrivateMapKey({
      ...{ secretKey, sdkAppId: 1, userId: 'ann', expireSeconds: 60, nowMs: NOW, room, rights: 255 },
      ...change,
    });
  const refused = (code: string) => expect.objectContaining({ code });
  const strict = { privateMapKeyRequired: true };

  it('needs a PrivateMapKey when the app says so, and what is given is checked in any case', () => {
    expect(() => publish({}, strict)).toThrow(refused('ticket-invalid'));
    expect(() => publish({ privateMapKey: 'x' })).toThrow(refused('ticket-invalid'));
    const past = key({ nowMs: NOW - 61_000 });
    expect(() => publish({ privateMapKey: past }, strict)).toThrow(refused('ticket-expired'));
    const other = key({ room: parseStringRoom('7') });
    expect(() => publish({ privateMapKey: other }, strict)).toThrow(refused('ticket-invalid'));
    const both = { audio: true, video: true };
    expect(publish({})).toMatchObject({ tracks: both, entry: { role: 'anchor', mayCreate: true } });
    expect(publish({ privateMapKey: key() }, strict)).toMatchObject({ tracks: both });
  });

  it('may do what the bits of the PrivateMapKey say', () => {
    const withRights = (rights: number, kind: StreamKind = 'main') =>
      publish({ privateMapKey: key({ rights }), kind }, strict);
    expect(withRights(2 + 4)).toMatchObject({
      tracks: { audio: true, video: false },
      entry: { mayCreate: false },
    });
    expect(withRights(1 + 2 + 16)).toMatchObject({
      ...{ tracks: { audio: false, video: true }, entry: { mayCreate: true } },
    });
    expect(withRights(2 + 64, 'aux')).toMatchObject({ tracks: { audio: true, video: true } });
    expect(() => withRights(2 + 64)).toThrow(refused('forbidden'));
    expect(() => withRights(2 + 4 + 16, 'aux')).toThrow(refused('forbidden'));
    expect(() => withRights(1 + 4 + 16)).toThrow(refused('forbidden'));
    expect(() => withRights(42)).toThrow(refused('forbidden'));
  });

  it('is accepted with the AccountType of the app or none, and refused with another', () => {
    expect(() => publish({ accountType: 792 }, { accountType: 792 })).not.toThrow();
    expect(() => publish({}, { accountType: 792 })).not.toThrow();
    expect(() => publish({ accountType: 793 }, { accountType: 792 })).toThrow(refused('forbidden'));
  });

  it('enters with the role name given, and with the default role when the app does not know it', () => {
    const settings = { roles: { host: { default: PLAIN_PARAMETERS } }, defaultRole: 'default' };
    const roleOf = (roleName: string) => publish({ roleName }, settings).entry?.roleName;
    expect([roleOf('host'), roleOf('boss'), publish({}, settings).entry?.roleName]).toEqual([
      ...['host', 'default', 'default'],
    ]);
  });

  it('names its token in no refusal', () => {
    const privateMapKey = key({ nowMs: NOW - 61_000 });
    try {
      publish({ privateMapKey }, strict);
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(
        privateMapKey.slice(0, 40),
      );
    }
  });
});
