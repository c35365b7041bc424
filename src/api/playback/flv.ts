import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../../domain/errors.ts';
import { sendError } from '../error-envelope.ts';
import { type FindElsewhere, refuseOrRedirect } from './elsewhere.ts';
import type { FlvHub, FlvSink } from './flv-hub.ts';
import { createSinkMerger, mergeMsOf } from './merged-sink.ts';
import { proofOf, queryText } from './play-query.ts';

export interface FlvRoutesDeps {
  readonly hub: FlvHub;
  readonly findElsewhere?: FindElsewhere;
}

/** How long the rest of an ended stream may take to leave. */
const END_MS = 5000;

/**
 * The body is all bytes up to the end of the connection: no chunk framing around each tag. What is `gathered` already is
 * written past the response, which would gather the writes of one turn: it is at the kernel when the call returns.
 */
function responseSink(response: ServerResponse, gathered = false): FlvSink {
  let isOpen = false;
  response.useChunkedEncodingByDefault = false;
  response.on('error', () => response.destroy()); // 'close' follows
  return {
    write(buffer) {
      if (response.destroyed || response.writableEnded) return;
      if (!response.headersSent) {
        response.writeHead(200, {
          'content-type': 'video/x-flv',
          'cache-control': 'no-store',
          connection: 'close',
          'access-control-allow-origin': '*',
        });
      }
      const { socket } = response;
      // The head leaves with the first write; a response behind another of its connection has no socket yet.
      if (gathered && isOpen && socket !== null && response.writableLength === socket.writableLength)
        socket.write(buffer);
      else response.write(buffer);
      isOpen = true;
    },
    get writableLength() {
      return response.writableLength;
    },
    end() {
      response.end();
      const overdue = setTimeout(() => response.destroy(), END_MS);
      response.once('close', () => clearTimeout(overdue));
    },
    destroy: () => response.destroy(),
  };
}

type Subscribe = (response: ServerResponse) => { close(): void } | Promise<{ close(): void }>;

/** Refusals are answered; otherwise the response belongs to the subscription until one of them ends. */
async function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  subscribe: Subscribe,
  refuse: (thrown: unknown) => FastifyReply | Promise<FastifyReply> = (thrown) =>
    sendError(thrown, request, reply),
): Promise<FastifyReply | undefined> {
  try {
    const subscription = await subscribe(reply.raw);
    reply.hijack();
    if (reply.raw.closed) subscription.close();
    else reply.raw.once('close', () => subscription.close());
    return undefined;
  } catch (thrown) {
    return refuse(thrown);
  }
}

/** `GET /live/STREAM.flv` for viewers and `GET /internal/flv/STREAM` for workers, which may ask for `merge=MS`. */
export function registerFlvRoutes(app: FastifyInstance, { hub, findElsewhere }: FlvRoutesDeps): void {
  app.get<{ Params: { file: string } }>('/live/:file', { exposeHeadRoute: false }, (request, reply) => {
    const { file } = request.params;
    reply.header('access-control-allow-origin', '*');
    if (!file.endsWith('.flv')) throw new GatewayError('not-found', 'a stream is watched as STREAM.flv');
    const name = file.slice(0, -'.flv'.length);
    const path = `/live/${encodeURIComponent(name)}.flv`;
    return stream(
      request,
      reply,
      async (response) =>
        hub.subscribeFlv(await hub.authorisePlay(name, proofOf(request)), responseSink(response)),
      (thrown) => refuseOrRedirect(thrown, { request, reply }, { findElsewhere, stream: name, path }),
    );
  });
  const merger = createSinkMerger();
  app.get<{ Params: { stream: string } }>(
    '/internal/flv/:stream',
    { exposeHeadRoute: false },
    (request, reply) => {
      const ticket = queryText(request, 'ticket') ?? '';
      const mergeMs = mergeMsOf(queryText(request, 'merge'));
      return stream(request, reply, (response) => {
        const sink = merger.merge(responseSink(response, mergeMs > 0), mergeMs);
        return hub.subscribeWorker(request.params.stream, ticket, sink);
      });
    },
  );
}
