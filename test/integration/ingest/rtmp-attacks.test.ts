import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { AttackedHub, LIVE_STREAM } from '../../support/attacked-hub.ts';
import { RawRtmp, rtmpMessage } from '../../support/raw-rtmp.ts';

const SET_CHUNK_SIZE = 1;
const AUDIO = 8;
const VIDEO = 9;
const SCRIPT = 18;
const COMMAND = 20;
const MB = 1024 * 1024;

let hub: AttackedHub;

beforeAll(async () => {
  hub = await AttackedHub.open();
}, 90_000);
afterAll(() => hub.close());

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

describe('before the handshake', () => {
  afterEach(() => hub.expectUnharmed());

  test.each([
    ['noise', () => Buffer.concat([Buffer.from([0xff]), randomBytes(65_536)])],
    ['an HTTP request', () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['another version', () => Buffer.concat([Buffer.from([6]), randomBytes(1536)])],
    ['a handshake followed by noise', () => Buffer.concat([Buffer.from([3]), randomBytes(400_000)])],
  ])('%s closes the connection', async (_what, bytes) => {
    const client = await RawRtmp.open(hub.rtmpPort);
    client.send(bytes());
    await client.closed;
  });
});

describe('the chunk layer', () => {
  afterEach(() => hub.expectUnharmed());

  test.each<[string, (client: RawRtmp) => void]>([
    ['chunk size 0', (client) => client.message(SET_CHUNK_SIZE, uint32(0))],
    ['chunk size 2^31', (client) => client.message(SET_CHUNK_SIZE, uint32(2 ** 31))],
    [
      'a control message without a body',
      (client) =>
        client.send(Buffer.concat([rtmpMessage(SET_CHUNK_SIZE, Buffer.alloc(0)), Buffer.from([3])])),
    ],
    [
      '16 MB lengths on many chunk streams',
      (client) => {
        for (let cid = 3; cid < 64; cid += 1)
          client.message(VIDEO, Buffer.alloc(100), { cid, length: 0xffffff });
      },
    ],
    [
      'messages under way on 60 chunk streams',
      (client) => {
        for (let cid = 3; cid < 64; cid += 1)
          client.message(COMMAND, Buffer.alloc(128), { cid, length: 1000 });
      },
    ],
    [
      'a message that grows half way',
      (client) => {
        client.message(COMMAND, Buffer.alloc(128), { length: 1000 });
        client.message(COMMAND, Buffer.alloc(128), { length: 0xffff });
      },
    ],
    [
      'megabytes before anything is asked',
      (client) => {
        for (let i = 0; i < 100; i += 1) client.message(16, randomBytes(60_000));
      },
    ],
  ])('with %s closes the connection', async (_what, attack) => {
    const client = await RawRtmp.shakeHands(hub.rtmpPort);
    attack(client);
    await client.closed;
  });
});

describe('commands', () => {
  afterEach(() => hub.expectUnharmed());

  const tcUrl = 'rtmp://127.0.0.1/push';
  const nested = Buffer.concat([
    Buffer.from([2, 0, 7]),
    Buffer.from('connect'),
    Buffer.from([0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
    Buffer.concat(Array.from({ length: 12_000 }, () => Buffer.from([3, 0, 1, 0x61]))),
  ]);
  const list = Buffer.concat([
    Buffer.from([2, 0, 7]),
    Buffer.from('connect'),
    Buffer.from([10, 255, 255, 255, 255, 5, 5, 5]),
  ]);

  test.each<[string, (client: RawRtmp) => void]>([
    ['a tcUrl that is no URL', (client) => client.command('connect', { app: 'push', tcUrl: 'no url' })],
    ['no command object', (client) => client.command('connect', null)],
    ['a number as an application', (client) => client.command('connect', { app: 7, tcUrl })],
    ['an application that is not ours', (client) => client.command('connect', { app: 'admin', tcUrl })],
    ['publish before connect', (client) => client.command('publish', null, 'x', 'live')],
    ['AMF nested twelve thousand deep', (client) => client.message(COMMAND, nested)],
    ['a list of four billion values', (client) => client.message(COMMAND, list)],
    [
      'a string longer than its message',
      (client) => client.message(COMMAND, Buffer.from([2, 255, 255, 0x61])),
    ],
    ['an unknown AMF type', (client) => client.message(COMMAND, Buffer.from([0x55, 1, 2, 3]))],
    ['an empty command', (client) => client.message(COMMAND, Buffer.from([2]))],
    ['sound before publish', (client) => client.message(AUDIO, Buffer.alloc(100, 0xaf))],
  ])('with %s close the connection', async (_what, attack) => {
    const client = await RawRtmp.shakeHands(hub.rtmpPort);
    attack(client);
    await client.closed;
  });

  test.each([
    ['four thousand characters', 'x'.repeat(5000)],
    ['broken escapes', '%%%?%=%&%zz=1'],
    ['zero bytes', '\0\0\0'],
    ['a path to elsewhere', '../../etc/passwd'],
    ["node-media-server's own signature", '1001?sign=9999999999-d41d8cd98f00b204e9800998ecf8427e'],
    ['the prototype', '__proto__?__proto__=1&constructor=2'],
  ])('that publish a name with %s are refused', async (_what, name) => {
    const client = await RawRtmp.connected(hub.rtmpPort);
    client.command('publish', null, name, 'live');
    await client.until('NetStream.Publish.Denied');
    await client.closed;
  });

  test('without end, whose answers nobody reads, do not fill the memory', async () => {
    const client = await RawRtmp.connected(hub.rtmpPort);
    client.socket.pause();
    for (let i = 0; i < 20_000; i += 1) client.command('createStream', null);
    client.socket.resume();
    await client.closed;
  });
});

describe('a viewer', () => {
  afterEach(() => hub.expectUnharmed());

  test.each<[string, (client: RawRtmp) => void]>([
    ['a picture', (client) => client.message(VIDEO, Buffer.alloc(100, 0x17))],
    ['sound', (client) => client.message(AUDIO, Buffer.alloc(100, 0xaf))],
    ['metadata', (client) => client.message(SCRIPT, Buffer.from([2, 0, 1, 0x61]))],
    ['a second request', (client) => client.command('publish', null, hub.publishKey('mallory'), 'live')],
  ])('that sends %s is closed', async (_what, attack) => {
    const client = await hub.playing();
    attack(client);
    await client.closed;
  });

  test('over WebSocket that sends megabytes is closed', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${hub.httpPort}${hub.livePath}`);
    socket.on('error', () => undefined); // the server closes in the middle of the message
    await once(socket, 'open');
    socket.send(Buffer.alloc(4 * MB));
    await once(socket, 'close');
  });
});

describe('a user who may publish', () => {
  afterEach(() => hub.expectUnharmed());

  test.each<[string, (client: RawRtmp) => void]>([
    ['publishes twice', (client) => client.command('publish', null, hub.publishKey('other'), 'live')],
    ['asks to play', (client) => client.command('play', null, LIVE_STREAM)],
    [
      'announces 16 MB of picture',
      (client) => client.message(VIDEO, Buffer.alloc(64), { cid: 6, length: 0xffffff }),
    ],
    [
      'announces 8 MB on many chunk streams',
      (client) => {
        for (let cid = 6; cid < 30; cid += 1)
          client.message(VIDEO, Buffer.alloc(128), { cid, length: 8 * MB });
      },
    ],
  ])('and %s is closed', async (_what, attack) => {
    const client = await hub.publishing('mallory');
    attack(client);
    await client.closed;
  });

  test('and sends empty, cut off and unreadable messages disturbs nobody', async () => {
    const client = await hub.publishing('mallory');
    for (const type of [AUDIO, VIDEO, SCRIPT, 15, 22]) {
      for (let bytes = 0; bytes < 12; bytes += 1) {
        for (const first of [0x00, 0x17, 0x5f, 0x90, 0xaf, 0xff]) {
          client.message(type, Buffer.alloc(bytes, first), { cid: 6 });
        }
      }
    }
    client.message(SCRIPT, Buffer.concat([Buffer.from([2, 0, 10]), Buffer.from('onMetaData')]), { cid: 6 });
    client.message(
      SCRIPT,
      Buffer.concat([Buffer.from([2, 0, 10]), Buffer.from('onMetaData'), Buffer.from([0x55])]),
      { cid: 6 },
    );
    client.command('deleteStream', null, 1);
    client.destroy();
    await client.closed;
  });

  test('and whose GOP never ends does not fill the memory', async () => {
    const client = await hub.publishing('mallory');
    client.message(SET_CHUNK_SIZE, uint32(0x10000));
    const frame = Buffer.alloc(0x10000, 0x27);
    frame[1] = 1;
    const head = rtmpMessage(VIDEO, Buffer.alloc(0), { cid: 6, length: frame.length });
    const key = Buffer.concat([head, Buffer.from([0x17, 1]), frame.subarray(2)]);
    client.send(key);
    for (let i = 0; i < 3200; i += 1) {
      if (!client.socket.write(Buffer.concat([head, frame]))) await once(client.socket, 'drain');
    }
    expect(client.isClosed).toBe(false);
    client.destroy();
    await client.closed;
  });
});
