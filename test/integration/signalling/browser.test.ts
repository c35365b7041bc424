import { afterAll, beforeAll, expect, test } from 'vitest';
import { findChromium, runInBrowser } from '../../support/browser.ts';
import { APP, Meeting, type MeetingGateway, usersAre } from '../../support/meeting.ts';

const chromium = findChromium();
let meeting: Meeting;
let gateway: MeetingGateway;

beforeAll(async () => {
  meeting = await Meeting.open(1);
  gateway = meeting.gateways[0] as MeetingGateway;
});
afterAll(() => meeting?.close());

/** What ann does in the page; each step waits for what the room is to become. */
const SCRIPT = `
const { SignalClient } = await import('/src/signalling/client.js');
let socket;
class Watched extends WebSocket {
  constructor(url, protocol) { super(url, protocol); socket = this; }
}
const { url, appId, userSig, room } = given;
const refusedBy = new SignalClient({ url, appId, userId: 'eve', userSig: () => userSig });
const refusal = await refusedBy.connect().then(() => 'none', (error) => error.code);
const client = new SignalClient({
  url, appId, userId: 'ann', terminal: 'web', userSig: () => userSig, WebSocket: Watched,
  backoffMs: { first: 50, most: 500 },
});
const until = (isSo) => new Promise((resolve) => {
  const look = () => isSo() && resolve();
  client.on('room', look);
  client.on('online', look);
  look();
});
const online = [];
client.on('online', ({ resumed }) => online.push(resumed));
await client.connect();
await client.request('enter', { room });
await client.request('media', { audio: true, video: false, screen: false });
const { streamId } = await client.request('publish', { kind: 'main' });
const wrong = await client.request('switchRoleName', { roleName: 'nobody' }).catch((error) => error.code);
socket.close(3000);
await until(() => client.isOnline && online.length === 2 && client.room?.members[1]?.isLost === false);
const members = client.room.members.map(({ userId, terminal, media }) => [userId, terminal, media.audio]);
return { refusal, wrong, online, members, streamId };
`;

test('the client runs in a browser as it is built: it logs in, is refused, keeps its room and resumes', async (context) => {
  if (chromium === null) return context.skip('no Chromium is installed: sh scripts/setup.sh --tests does it');
  const room = meeting.newRoom();
  const bob = await meeting.member(gateway, 'bob', room);
  const url = `${gateway.http.replace('http', 'ws')}/ws`;
  const given = { url, appId: APP, userSig: meeting.sigOf('ann'), room };
  const told = await runInBrowser(chromium, SCRIPT, given);
  expect(told).toEqual({
    refusal: 'sig-mismatch',
    wrong: 'not-found',
    online: [false, true],
    members: [
      ['bob', 'other', false],
      ['ann', 'web', true],
    ],
    streamId: `${APP}_${room.value}_ann_main`,
  });
  await usersAre(bob, 'bob', 'ann (lost)');
});
