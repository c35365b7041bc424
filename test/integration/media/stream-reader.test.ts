import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openStreamReader,
  type ReaderState,
  type StreamReader,
  type TagInfo,
} from '../../../src/media/flv/stream-reader.ts';
import type { FlvTag } from '../../../src/media/flv/tag.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvHub, startFlvHub } from '../../support/flv-hub.ts';

const VIDEO_HEADER: FlvTag = { type: 9, timestamp: 0, data: Buffer.from([0x17, 0, 0, 0, 0, 1]) };

function frame(timestamp: number, isKey = false): FlvTag {
  return { type: 9, timestamp, data: Buffer.from([isKey ? 0x17 : 0x27, 1, 0, 0, 0, timestamp & 0xff]) };
}

let hub: FlvHub;
let reader: StreamReader | null = null;
let events: string[];
let infos: TagInfo[];
let attempts: number;

beforeEach(async () => {
  hub = await startFlvHub();
  events = [];
  infos = [];
  attempts = 0;
});

afterEach(async () => {
  await reader?.stop();
  reader = null;
  await hub.close();
});

function open(lent = false): StreamReader {
  reader = openStreamReader({
    url: () => {
      attempts += 1;
      return `${hub.url}/internal/flv/s?ticket=${attempts}`;
    },
    log: pino({ level: 'silent' }),
    lent,
    onTag: (tag, info) => {
      events.push(`${tag.timestamp}${info.cached ? 'c' : ''}`);
      infos.push(info);
    },
    onStreamStart: () => events.push('start'),
    onStreamEnd: () => events.push('end'),
    onState: (state: ReaderState) => {
      if (state === 'down') events.push('down');
    },
    onFenced: () => events.push('fenced'),
  });
  return reader;
}

describe('a stream reader', () => {
  it('gives the kept GOP as cached, then live tags, and passes no mark on', async () => {
    for (const tag of [VIDEO_HEADER, frame(1000, true), frame(1033)]) hub.send(tag);
    open();
    await eventually(() => hub.readers === 1);
    hub.send(frame(1066));
    await eventually(() => events.length === 5);
    expect(events).toEqual(['start', '1000c', '1000c', '1033c', '1066']);
    expect(infos.every((info) => info.arrivalMs > 0)).toBe(true);
  });

  it('goes on behind its last tag after a cut, with a new ticket and nothing given twice', async () => {
    open();
    await eventually(() => hub.readers === 1);
    for (const tag of [VIDEO_HEADER, frame(0, true), frame(33), frame(66)]) hub.send(tag);
    await eventually(() => events.at(-1) === '66');
    hub.cut();
    hub.send(frame(100));
    await eventually(() => hub.readers === 1 && hub.requests.length === 2);
    hub.send(frame(133));
    await eventually(() => events.at(-1) === '133');
    expect(events).toEqual(['start', '0', '0', '33', '66', 'down', '100c', '133']);
    expect(hub.requests).toEqual(['/internal/flv/s?ticket=1', '/internal/flv/s?ticket=2']);
  });

  it('of tags in lent memory goes on behind the last one too, whose memory was overwritten since', async () => {
    open(true);
    await eventually(() => hub.readers === 1);
    for (const tag of [VIDEO_HEADER, frame(0, true), frame(33)]) hub.send(tag);
    await eventually(() => events.at(-1) === '33');
    hub.cut();
    hub.send(frame(66));
    await eventually(() => hub.readers === 1 && hub.requests.length === 2);
    hub.send(frame(99));
    await eventually(() => events.at(-1) === '99');
    expect(events).toEqual(['start', '0', '0', '33', 'down', '66c', '99']);
  });

  it('says that a stream begins anew when a reconnect finds another GOP', async () => {
    open();
    await eventually(() => hub.readers === 1);
    for (const tag of [VIDEO_HEADER, frame(0, true), frame(33)]) hub.send(tag);
    await eventually(() => events.at(-1) === '33');
    hub.cut();
    hub.send(frame(500, true));
    await eventually(() => events.at(-1) === '500c');
    expect(events).toEqual(['start', '0', '0', '33', 'down', 'start', '500c', '500c']);
  });

  it('tells the end and the start of publishers while it stays attached', async () => {
    open();
    await eventually(() => hub.readers === 1);
    hub.start();
    hub.send(frame(5, true));
    hub.end();
    hub.start();
    hub.send(frame(1, true));
    await eventually(() => events.at(-1) === '1');
    expect(events).toEqual(['start', '5', 'end', 'start', '1']);
    expect(hub.requests).toHaveLength(1);
  });

  it('notices on a reconnect that the publisher has gone meanwhile', async () => {
    open();
    await eventually(() => hub.readers === 1);
    hub.send(frame(0, true));
    await eventually(() => events.at(-1) === '0');
    hub.cut();
    hub.end();
    await eventually(() => events.at(-1) === 'end');
    hub.send(frame(7, true));
    await eventually(() => events.at(-1) === '7');
    expect(events.slice(2)).toEqual(['down', 'end', 'start', '7']);
  });

  it('stops for good when a higher epoch reads', async () => {
    open();
    await eventually(() => hub.readers === 1);
    hub.answer = 409;
    hub.cut();
    await eventually(() => events.at(-1) === 'fenced');
    expect(hub.requests).toHaveLength(2);
  });

  it('comes back to a gateway that restarts on its port', async () => {
    open();
    await eventually(() => hub.readers === 1);
    const { port } = hub;
    await hub.close();
    await eventually(() => attempts >= 3);
    hub = await startFlvHub(port);
    await eventually(() => hub.readers === 1);
    hub.send(frame(3, true));
    await eventually(() => events.at(-1) === '3');
  });

  it('asked to reconnect, leaves a whole connection and asks for the address again', async () => {
    const opened = open();
    await eventually(() => hub.readers === 1);
    for (const tag of [VIDEO_HEADER, frame(0, true)]) hub.send(tag);
    await eventually(() => events.at(-1) === '0');
    opened.reconnect();
    await eventually(() => hub.requests.length === 2 && hub.readers === 1);
    hub.send(frame(33));
    await eventually(() => events.at(-1) === '33');
    expect(events).toEqual(['start', '0', '0', 'down', '33']);
    expect(hub.requests.at(-1)).toBe('/internal/flv/s?ticket=2');
  });

  it('reconnects after damage in the stream', async () => {
    open();
    await eventually(() => hub.readers === 1);
    hub.send({ type: 8, timestamp: 0, data: Buffer.alloc(9 * 1024 * 1024) });
    await eventually(() => hub.requests.length === 2);
  });

  it('gives nothing after stop', async () => {
    const opened = open();
    await eventually(() => hub.readers === 1);
    hub.send(frame(0, true));
    await opened.stop();
    const count = events.length;
    hub.send(frame(33));
    await eventually(() => hub.readers === 0);
    expect(events).toHaveLength(count);
  });
});
