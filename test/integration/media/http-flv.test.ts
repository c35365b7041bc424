import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpFlvEnd, readHttpFlv } from '../../../src/media/flv/http-flv.ts';
import { type FlvTag, ownTag } from '../../../src/media/flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../../../src/media/flv/writer.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n';

let server: Server;

afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

/** What a reader makes of a server that answers every request with these pieces, and then closes. */
async function readFrom(pieces: readonly (Buffer | string)[], lent = false) {
  let asked = '';
  server = createServer({ noDelay: true }, async (socket) => {
    socket.on('error', () => undefined); // the reader may leave first
    asked = String((await once(socket, 'data'))[0]);
    for (const piece of pieces) {
      await new Promise((resolve) => socket.write(piece, resolve));
    }
    socket.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const tags: FlvTag[] = [];
  let opened = 0;
  const end: HttpFlvEnd = await readHttpFlv({
    url: `http://127.0.0.1:${port}/internal/flv/s?ticket=a%2Fb`,
    onOpen: () => {
      opened += 1;
    },
    lent,
    onTag: (tag) => tags.push(lent ? ownTag(tag) : tag),
    signal: new AbortController().signal,
  });
  return { end, tags, opened, asked, port };
}

/** Each with bytes of its own, some longer than any read. */
function manyTags(): FlvTag[] {
  return Array.from({ length: 400 }, (_, index) => ({
    type: index % 3 === 0 ? 8 : 9,
    timestamp: index * 10,
    data: Buffer.alloc(index % 50 === 0 ? 200_000 : 300 + index * 7, index % 251),
  }));
}

describe('a stream over HTTP', () => {
  it('gives every tag as it was sent, and each keeps its bytes while others are read', async () => {
    const sent = manyTags();
    const { tags, end } = await readFrom([HEAD, flvHeader(), ...sent.map(encodeFlvTag)]);
    expect(tags.length).toBe(sent.length);
    expect(tags.every((tag, index) => sent[index]?.data.equals(tag.data))).toBe(true);
    expect(tags.map((tag) => tag.timestamp)).toEqual(sent.map((tag) => tag.timestamp));
    expect(end.kind).toBe('lost');
  });

  it('gives tags in lent memory whole, however they come', async () => {
    const sent = manyTags();
    const body = Buffer.concat([flvHeader(), ...sent.map(encodeFlvTag)]);
    const pieces = Array.from({ length: Math.ceil(body.length / 70_000) }, (_, index) =>
      body.subarray(index * 70_000, (index + 1) * 70_000),
    );
    const { tags } = await readFrom([HEAD, ...pieces], true);
    expect(tags.length).toBe(sent.length);
    expect(tags.every((tag, index) => sent[index]?.data.equals(tag.data))).toBe(true);
  });

  it('is asked for by path and query, at the host of its URL', async () => {
    const { asked, port } = await readFrom([HEAD]);
    expect(asked).toBe(`GET /internal/flv/s?ticket=a%2Fb HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  });

  it('is opened once, whether the head comes byte by byte or with the first tags', async () => {
    const sent = manyTags().slice(1, 4);
    const body = Buffer.concat([flvHeader(), ...sent.map(encodeFlvTag)]);
    const whole = Buffer.concat([Buffer.from(HEAD), body]);
    for (const pieces of [
      [...HEAD].concat(body.toString('latin1')).map((t) => Buffer.from(t, 'latin1')),
      [whole],
    ]) {
      const { tags, opened } = await readFrom(pieces);
      expect(opened).toBe(1);
      expect(tags.map((tag) => tag.data)).toEqual(sent.map((tag) => tag.data));
      server.close();
    }
  });

  it('says what was refused, and that a higher epoch reads', async () => {
    expect((await readFrom(['HTTP/1.1 404 Not Found\r\n\r\nno'])).end).toEqual({
      kind: 'refused',
      status: 404,
    });
    server.close();
    expect((await readFrom(['HTTP/1.1 409 Conflict\r\n\r\n'])).end).toEqual({ kind: 'fenced' });
  });

  it('is lost where something else answers, or a head has no end', async () => {
    const noHttp = { kind: 'lost', message: 'the gateway does not speak HTTP' };
    const other = await readFrom(['SSH-2.0-x\r\n\r\n']);
    expect(other.end).toEqual(noHttp);
    expect(other.opened).toBe(0);
    server.close();
    const endless = await readFrom(Array.from({ length: 20 }, () => 'x'.repeat(1000)));
    expect(endless.end).toEqual(noHttp);
  });
});
