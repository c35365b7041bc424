import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { roomKey } from '../../../src/domain/ids.ts';
import { verifyTicket } from '../../../src/identity/tickets.ts';
import { readRooms } from '../../../src/rooms/room-facts.ts';
import { clearNoCapacity, saveFailure } from '../../../src/tasks/job-status.ts';
import { startWorkerFacts } from '../../../src/tasks/worker-facts.ts';
import { eventually } from '../../support/eventually.ts';
import {
  APP_ID,
  app,
  ask,
  clusterSecret,
  redis,
  showRooms,
  startRelay,
  TO,
  TOKEN,
  tasks,
  useOperatorApi,
} from '../../support/operator-rig.ts';
import { roomFacts, streamFacts, userFacts } from '../../support/room-facts.ts';

useOperatorApi();

describe('the door', () => {
  it.each([null, 'wrong', `${TOKEN}x`])('refuses the token %j with 401 and does nothing', async (token) => {
    const { status, json } = await ask('POST', '/relays', { room: 7, targets: [TO] }, token);
    expect(status).toBe(401);
    expect(json).toEqual({ error: { code: 'unauthorized', message: expect.any(String) } });
    expect(await tasks.list()).toEqual([]);
  });

  it('answers what is not there with 404 and what is no JSON with 400, in the same envelope', async () => {
    expect(await ask('GET', '/nothing')).toMatchObject({
      status: 404,
      json: { error: { code: 'not-found' } },
    });
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const broken = await app.inject({ method: 'POST', url: '/api/v1/relays', headers, payload: '{"room":' });
    expect(broken.statusCode).toBe(400);
    expect(broken.json()).toMatchObject({ error: { code: 'bad-request' } });
    const payload = JSON.stringify({ room: 'x'.repeat(300_000) });
    const large = await app.inject({ method: 'POST', url: '/api/v1/relays', headers, payload });
    expect(large.statusCode).toBe(413);
    expect(large.json()).toMatchObject({ error: { code: 'too-large' } });
  });

  it('describes every route without a token', async () => {
    const { status, json } = await ask('GET', '/openapi.json', undefined, null);
    expect(status).toBe(200);
    expect(Object.keys(json.paths).sort()).toEqual([
      '/apps/{id}',
      '/apps/{id}/roles/{role}',
      '/events',
      '/recordings',
      '/recordings/{id}',
      '/relays',
      '/relays/check',
      '/relays/{id}',
      '/relays/{id}/pause',
      '/relays/{id}/resume',
      '/relays/{id}/retry',
      '/rooms',
      '/rooms/{id}',
      '/rooms/{id}/remove',
      '/rooms/{id}/users/{user}/blocked',
      '/streams/{id}/play-url',
      '/workers',
    ]);
  });
});

describe('workers', () => {
  it('lists those that live', async () => {
    expect((await ask('GET', '/workers')).json).toEqual([]);
    const facts = {
      workerId: 'w-1',
      cores: 4,
      spareCores: 1.25,
      mixes: 2,
      encoders: ['libx264', 'aac'],
      ffmpegVersion: '5.1.9',
      at: Date.now(),
    };
    const write = startWorkerFacts({
      redis,
      workerId: 'w-1',
      read: () => ({ ...facts, machine: 'm', promisedCores: 0 }),
      log: pino({ level: 'silent' }),
    });
    await eventually(async () => (await ask('GET', '/workers')).json.length === 1);
    expect((await ask('GET', '/workers')).json).toEqual([facts]);
    await write.stop();
    expect((await ask('GET', '/workers')).json).toEqual([]);
  });

  it('are asked why a mix does not run: the relay tells it', async () => {
    const taskId = await startRelay();
    const message = 'no worker has room for this mix: it needs 0.8 of a core, the best has 0.3';
    const job = { kind: 'mix', id: taskId } as const;
    await saveFailure(redis, job, { code: 'no-capacity', message, at: 5, epoch: 5 });
    expect((await ask('GET', `/relays/${taskId}`)).json).toMatchObject({ error: message });
    await clearNoCapacity(redis, job);
    expect((await ask('GET', `/relays/${taskId}`)).json.error).toBeNull();
    await saveFailure(redis, job, { code: 'internal', message: 'it broke', at: 5, epoch: 5 });
    await clearNoCapacity(redis, job);
    expect((await ask('GET', `/relays/${taskId}`)).json.error).toBe('it broke');
  });
});

describe('rooms and streams', () => {
  it('lists rooms with their users and streams', async () => {
    const tracks = { audio: true, video: false };
    const stream = { streamId: `${APP_ID}_7_ann_main`, kind: 'main', publishedAt: 3, tracks } as const;
    showRooms([
      roomFacts({ appId: APP_ID, room: { kind: 'number', value: 7 } }, [
        userFacts('Ann', { enteredAt: 2, streams: [{ ...stream, gatewayId: 'g' }] }),
      ]),
    ]);
    expect((await ask('GET', '/rooms')).json).toEqual([
      {
        sdkAppId: APP_ID,
        room: 7,
        createdAt: 1,
        ownerUserId: 'Ann',
        robots: [],
        users: [
          {
            userId: 'Ann',
            enteredAt: 2,
            lostAt: null,
            role: 'anchor',
            roleName: 'default',
            session: null,
            blocked: { audio: false, video: false },
            streams: [stream],
          },
        ],
      },
    ]);
    const taskId = await startRelay();
    expect((await ask('GET', `/relays/${taskId}`)).json.state).toBe('starting');
    const robot = { userId: `mix_${taskId.slice(0, 8)}`, streamId: (await tasks.get(taskId))?.streamId };
    const shown = await ask('GET', `/rooms/7?sdkAppId=${APP_ID}`);
    expect(shown.json.robots).toEqual([{ ...robot, tasks: [taskId] }]);
    expect((await ask('GET', '/rooms')).json).toEqual([shown.json]);
    const sharing = await startRelay({ targets: [`${TO}2`] });
    expect((await ask('GET', '/rooms/7')).json.robots).toEqual([{ ...robot, tasks: [taskId, sharing] }]);
    await tasks.stop(taskId);
    await tasks.stop(sharing);
    expect((await ask('GET', '/rooms/7')).json.robots).toEqual([]);
  });

  it.each([
    ['/rooms/8', 404, 'not-found'],
    ['/rooms/7?stringRoom=true', 404, 'not-found'],
    ['/rooms/0', 400, 'bad-room-id'],
    ['/rooms/7?sdkAppId=5', 400, 'bad-app-id'],
    ['/rooms/7?colour=red', 400, 'bad-request'],
  ])('answers %s with %d %s where that is no live room', async (path, status, code) => {
    expect(await ask('GET', path)).toMatchObject({ status, json: { error: { code } } });
  });

  it.each([
    [{ kind: 'number', value: 7 }, '/rooms/7/users/ann/blocked'],
    [{ kind: 'string', value: 'b 7?' }, '/rooms/b%207%3F/users/ANN/blocked?stringRoom=true'],
    [{ kind: 'number', value: 8 }, `/rooms/8/users/Ann/blocked?sdkAppId=${APP_ID}`],
  ] as const)('blocks a user of the room %j, however its name is written', async (room, path) => {
    const streams = [{ ...streamFacts(`${APP_ID}_7_ann_main`), gatewayId: 'far' }];
    const facts = roomFacts({ appId: APP_ID, room }, [userFacts('Ann', { streams })]);
    await redis.hset('roomcast:rooms', roomKey(APP_ID, room), JSON.stringify(facts));
    const body = { audio: true, video: false };
    expect(await ask('PUT', path, body)).toMatchObject({ status: 200, json: body });
    const [stored] = await readRooms(redis);
    expect(stored?.users).toEqual([{ ...facts.users[0], blocked: { ...body, at: expect.any(Number) } }]);
    showRooms(stored ? [stored] : []);
    expect((await ask('GET', '/rooms')).json[0].users[0].blocked).toEqual(body);
  });

  it.each([
    ['/rooms/7/users/ann/blocked', { audio: true, video: true }, 404, 'not-found'],
    ['/rooms/7/users/ann/blocked', { audio: true }, 400, 'bad-request'],
    ['/rooms/7/users/ann/blocked?sdkAppId=5', { audio: true, video: true }, 400, 'bad-app-id'],
    ['/rooms/0/users/ann/blocked', { audio: true, video: true }, 400, 'bad-room-id'],
    ['/rooms/7/users/123/blocked', { audio: true, video: true }, 400, 'bad-user-id'],
  ])('answers a block %s of %j with %d %s', async (path, body, status, code) => {
    expect(await ask('PUT', path, body)).toMatchObject({ status, json: { error: { code } } });
  });

  it('removes the users that are named, in any case, and dismisses a room with those that are left', async () => {
    const place = { appId: APP_ID, room: { kind: 'string', value: 'b 7?' } } as const;
    const users = ['Ann', 'bob', 'carol'].map((userId, index) => userFacts(userId, { order: index + 1 }));
    const key = roomKey(APP_ID, place.room);
    await redis.hset('roomcast:rooms', key, JSON.stringify(roomFacts(place, users)));
    const path = '/rooms/b%207%3F';
    const asked = { userIds: ['ANN', 'nobody', 'carol'] };
    expect(await ask('POST', `${path}/remove?stringRoom=true`, asked)).toMatchObject({
      status: 200,
      json: { removed: ['Ann', 'carol'] },
    });
    expect((await readRooms(redis))[0]?.users.map(({ userId }) => userId)).toEqual(['bob']);
    const gone = { status: 404, json: { error: { code: 'not-found' } } };
    expect(await ask('POST', `${path}/remove?stringRoom=true`, asked)).toMatchObject(gone);
    expect(await ask('DELETE', `${path}?stringRoom=true`)).toMatchObject({
      status: 200,
      json: { room: 'b 7?' },
    });
    expect(await readRooms(redis)).toEqual([]);
    expect(await ask('DELETE', `${path}?stringRoom=true`)).toMatchObject(gone);
    expect(await ask('POST', '/rooms/7/remove', asked)).toMatchObject(gone);
  });

  it.each([
    ['no user', { userIds: [] }, 'bad-request'],
    ['a user id that is none', { userIds: ['123'] }, 'bad-user-id'],
    ['nothing', {}, 'bad-request'],
  ])('refuses to remove %s', async (_what, body, code) => {
    expect(await ask('POST', '/rooms/7/remove', body)).toMatchObject({
      status: 400,
      json: { error: { code } },
    });
  });

  it('gives URLs with a ticket that is good for that stream for a day', async () => {
    const stream = `${APP_ID}_7_ann_main`;
    const { json } = await ask('GET', `/streams/${stream}/play-url`);
    const ticket = new URL(json.flv).searchParams.get('ticket') ?? '';
    const nowMs = Date.now() + 23 * 3_600_000;
    expect(verifyTicket(clusterSecret, ticket, { use: 'play', stream, nowMs })).toMatchObject({ stream });
    expect(json).toMatchObject({
      streamId: stream,
      rtmp: `rtmp://live.test:1935/live/${stream}?ticket=${ticket}`,
      flv: `http://live.test:8080/live/${stream}.flv?ticket=${ticket}`,
      hls: `http://live.test:8080/hls/${stream}/index.m3u8?ticket=${ticket}`,
    });
  });

  it.each([
    ['not-a-stream', 400],
    ['5_7_ann_main', 404],
  ])('gives none for %s', async (stream, expected) => {
    expect((await ask('GET', `/streams/${stream}/play-url`)).status).toBe(expected);
  });
});
