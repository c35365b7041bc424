import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import { sendError, throwNotFound } from './error-envelope.ts';

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;
/** The users of signalling, 12,000 at most, are connections of this server for as long as they are there. */
const MAX_CONNECTIONS = 16_000;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 5000;
/** Node looks for overdue headers only this often; its default is 30 s. */
const OVERDUE_CHECK_MS = 2000;

/** A fastify instance with bounds on everything a stranger may send and one form of errors; it does not listen yet. */
export function createHttpServer(options: { readonly log: Logger }): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = options.log;
  const app = fastify({
    loggerInstance,
    // URLs of this server carry tickets: no line per request.
    logController: new LogController({ disableRequestLogging: true }),
    // Its own answers quote the URL.
    frameworkErrors: (_error, request, reply) =>
      void sendError(new GatewayError('bad-request', 'this is no URL of ours'), request, reply),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: OVERDUE_CHECK_MS,
      noDelay: true,
    },
  });
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply));
  app.setNotFoundHandler(throwNotFound);
  app.server.maxConnections = MAX_CONNECTIONS;
  return app;
}
