import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGopKeeper, snapshotTags } from '../../src/media/flv/gop.ts';
import { MARK_END, MARK_LIVE, MARK_START, scriptTag } from '../../src/media/flv/script.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../../src/media/flv/writer.ts';

/** A small real HTTP server that speaks what workers read from a gateway, played by the test. */
export interface FlvHub {
  readonly port: number;
  readonly url: string;
  /** Paths with query, in order. */
  readonly requests: readonly string[];
  readonly readers: number;
  send(tag: FlvTag): void;
  /** A publisher begins or ends. */
  start(): void;
  end(): void;
  /** Cuts all connections. */
  cut(): void;
  /** Status of the next attempts; 200 lets them in. */
  answer: number;
  close(): Promise<void>;
}

export async function startFlvHub(port = 0): Promise<FlvHub> {
  const readers = new Set<ServerResponse>();
  const requests: string[] = [];
  const keeper = createGopKeeper();
  const write = (tag: FlvTag) => {
    for (const reader of readers) reader.write(encodeFlvTag(tag));
  };
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    if (hub.answer !== 200) {
      response.writeHead(hub.answer).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'video/x-flv' });
    response.write(flvHeader());
    for (const tag of snapshotTags(keeper.snapshot())) response.write(encodeFlvTag(tag));
    response.write(encodeFlvTag(scriptTag(MARK_LIVE)));
    readers.add(response);
    response.once('close', () => readers.delete(response));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  const hub: FlvHub = {
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    requests,
    get readers() {
      return readers.size;
    },
    answer: 200,
    send(tag) {
      keeper.push(tag);
      write(tag);
    },
    start() {
      keeper.clear();
      write(scriptTag(MARK_START));
    },
    end() {
      keeper.clear();
      write(scriptTag(MARK_END));
    },
    cut() {
      for (const reader of readers) reader.destroy();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return hub;
}
