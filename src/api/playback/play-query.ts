import type { FastifyRequest } from 'fastify';
import { type PlayProof, readPlayProof } from '../../domain/play-proof.ts';

/** A value of the request's query; what was given twice counts as not given. */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}

/** Why the request may play; throws `bad-app-id`, `bad-user-id`. */
export function proofOf(request: FastifyRequest): PlayProof {
  return readPlayProof((name) => queryText(request, name));
}
