import type { FastifyReply, FastifyRequest } from 'fastify';
import { toGatewayError } from '../../domain/errors.ts';
import { sendError } from '../error-envelope.ts';

/** The HTTP address of another gateway that has that stream, or null; throws `redis-away`. */
export type FindElsewhere = (streamText: string) => Promise<string | null>;

/** The method stays, and nobody remembers it: the stream may be published elsewhere next time. */
const TEMPORARY_REDIRECT = 307;

/** Refuses to play a stream, or names the gateway that has it: `path` is that of the same thing there. */
export async function refuseOrRedirect(
  thrown: unknown,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  {
    findElsewhere,
    stream,
    path,
  }: {
    readonly findElsewhere: FindElsewhere | undefined;
    readonly stream: string;
    readonly path: string;
  },
): Promise<FastifyReply> {
  if (toGatewayError(thrown).code !== 'not-found') return sendError(thrown, request, reply);
  // Redis is away: then nobody knows better than we do.
  const http = await findElsewhere?.(stream).catch(() => null);
  if (!http) return sendError(thrown, request, reply);
  const at = request.url.indexOf('?');
  return reply.redirect(`${http}${path}${at < 0 ? '' : request.url.slice(at)}`, TEMPORARY_REDIRECT);
}
