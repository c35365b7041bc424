import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Hooked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects is its type
  readonly json: any;
}

export interface HookServer {
  readonly url: string;
  /** Every request so far, whatever was answered. */
  readonly requests: readonly Hooked[];
  /** Answers the following requests; 200 and a short body by default. */
  answer: (request: Hooked, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** The server of an app that is told by callbacks. */
export async function startHookServer(): Promise<HookServer> {
  const requests: Hooked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const json = body.length === 0 ? null : JSON.parse(body.toString());
      const hooked = { path: request.url ?? '', headers: request.headers, body, json };
      requests.push(hooked);
      hooks.answer(hooked, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hooks: HookServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=hook-url-s3cret`,
    requests,
    answer: (_request, response) => void response.end('{"code":0}'),
    async close() {
      server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
  return hooks;
}
