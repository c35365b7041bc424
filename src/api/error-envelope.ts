import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ZodError } from 'zod';
import { type ErrorCode, GatewayError } from '../domain/errors.ts';

const BAD_REQUEST = 400;
const INTERNAL = 500;

/** The status of every code; what a caller cannot cause is 5xx. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  'bad-request': BAD_REQUEST,
  'bad-config': BAD_REQUEST,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  'limit-reached': 429,
  'sig-malformed': 401,
  'sig-mismatch': 401,
  'sig-expired': 401,
  'bad-room-id': BAD_REQUEST,
  'bad-user-id': BAD_REQUEST,
  'bad-app-id': BAD_REQUEST,
  'ticket-invalid': 403,
  'ticket-expired': 403,
  'name-not-found': 502,
  'connection-refused': 502,
  unreachable: 502,
  'tls-failed': 502,
  'certificate-refused': 502,
  'handshake-failed': 502,
  'app-refused': 502,
  'login-refused': 502,
  'key-refused': 502,
  'closed-by-peer': 502,
  stalled: 504,
  'too-slow': 504,
  'bad-media': BAD_REQUEST,
  fenced: 409,
  'source-lost': 404,
  'child-failed': INTERNAL,
  'tool-missing': INTERNAL,
  disk: 507,
  'redis-away': 503,
  'no-capacity': 503,
  timeout: 504,
  internal: INTERNAL,
};

/** A request can have a problem in each of its thousands of cells, or a field with a name of 200 kB. */
const MAX_ISSUES = 5;
const MAX_ISSUE_CHARS = 300;

/** The problems of a request body in one sentence, each with the field it is about. */
export function describeIssues(error: ZodError): string {
  const told = error.issues.slice(0, MAX_ISSUES).map((issue) => {
    const field = issue.path.map(String).join('.');
    const text = field === '' ? issue.message : `${field}: ${issue.message}`;
    return text.slice(0, MAX_ISSUE_CHARS);
  });
  const more = error.issues.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

function codeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof GatewayError) return thrown.code;
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : INTERNAL;
  if (status === STATUS['too-large']) return 'too-large';
  return typeof status === 'number' && status < INTERNAL ? 'bad-request' : 'internal';
}

/** The HTTP status of a refusal or failure. */
export function statusOfError(thrown: unknown): number {
  return STATUS[codeOf(thrown)];
}

/** Sends `{error:{code,message}}`; what is not the caller's to know is logged and told by its request id. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = statusOfError(thrown);
  let message = thrown instanceof Error ? thrown.message : '';
  if (status === INTERNAL) {
    request.log.error({ err: thrown }, 'a request failed');
    message = `the gateway failed; its log tells more under request ${request.id}`;
  }
  return reply.code(status).send({ error: { code: codeOf(thrown), message } });
}

/** For setNotFoundHandler; the query stays out of the answer, it may hold a ticket. */
export function throwNotFound(request: FastifyRequest): never {
  throw new GatewayError('not-found', `there is no ${request.method} ${request.url.split('?')[0]}`);
}
