import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, toGatewayError } from '../../domain/errors.ts';
import type { FlvHub, FlvSink } from './flv-hub.ts';

export interface FlvRoutesDeps {
  readonly hub: FlvHub;
}

/** How long the rest of an ended stream may take to leave. */
const END_MS = 5000;

const STATUS: Partial<Record<ErrorCode, number>> = {
  'not-found': 404,
  'ticket-invalid': 403,
  fenced: 409,
};

/** The HTTP status for a refusal of the hub. */
export function playbackStatus(error: unknown): number {
  return STATUS[toGatewayError(error).code] ?? 500;
}

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

type Subscribe = (sink: FlvSink) => { close(): void };

/** Refusals are answered; otherwise the response belongs to the subscription until one of them ends. */
function stream(reply: FastifyReply, subscribe: Subscribe): FastifyReply | undefined {
  try {
    const subscription = subscribe(responseSink(reply.raw));
    reply.hijack();
    reply.raw.once('close', () => subscription.close());
    return undefined;
  } catch (thrown) {
    const { code, message } = toGatewayError(thrown);
    const status = playbackStatus(thrown);
    return reply.code(status).send({ code, message: status === 500 ? 'internal error' : message });
  }
}

function ticketOf(request: FastifyRequest): string {
  const { ticket } = request.query as Record<string, unknown>;
  return typeof ticket === 'string' ? ticket : '';
}

/** `GET /live/STREAM.flv` for viewers and `GET /internal/flv/STREAM` for workers. */
export function registerFlvRoutes(app: FastifyInstance, { hub }: FlvRoutesDeps): void {
  app.get<{ Params: { file: string } }>('/live/:file', { exposeHeadRoute: false }, (request, reply) => {
    const { file } = request.params;
    if (!file.endsWith('.flv')) return reply.code(404).send({ code: 'not-found', message: 'no such file' });
    return stream(reply, (sink) =>
      hub.subscribeFlv(hub.authorisePlay(file.slice(0, -'.flv'.length), ticketOf(request)), sink),
    );
  });
  app.get<{ Params: { stream: string } }>(
    '/internal/flv/:stream',
    { exposeHeadRoute: false },
    (request, reply) =>
      stream(reply, (sink) => hub.subscribeWorker(request.params.stream, ticketOf(request), sink)),
  );
}
