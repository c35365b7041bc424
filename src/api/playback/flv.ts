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

/** The body is all bytes up to the end of the connection: no chunk framing around each tag. */
function responseSink(response: ServerResponse): FlvSink {
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
      response.write(buffer);
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

type Subscribe = (sink: FlvSink) => { close(): void } | Promise<{ close(): void }>;

/** Refusals are answered; otherwise the response belongs to the subscription until one of them ends. */
async function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  subscribe: Subscribe,
  refuse: (thrown: unknown) => FastifyReply | Promise<FastifyReply> = (thrown) =>
    sendError(thrown, request, reply),
): Promise<FastifyReply | undefined> {
  try {
    const subscription = await subscribe(responseSink(reply.raw));
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
      async (sink) => hub.subscribeFlv(await hub.authorisePlay(name, proofOf(request)), sink),
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
      return stream(request, reply, (sink) =>
        hub.subscribeWorker(request.params.stream, ticket, merger.merge(sink, mergeMs)),
      );
    },
  );
}
