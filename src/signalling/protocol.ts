import { z } from 'zod';
import { GatewayError } from '../domain/errors.ts';
import { answerShapes, failureShape, pushShape } from './protocol-messages.ts';
import { REQUEST_TYPES, type Request, requestShape } from './protocol-requests.ts';

const MAX_ISSUES = 5;
const MAX_ISSUE_CHARS = 300;

/** What a message of a client is: a request, one that is refused, or nothing that could be answered. */
export type Parsed =
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'refused'; readonly id: number | null; readonly error: GatewayError }
  | { readonly kind: 'garbage'; readonly why: string };

function describe(error: z.ZodError): string {
  const told = error.issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    const field = path.map(String).join('.');
    return (field === '' ? message : `${field}: ${message}`).slice(0, MAX_ISSUE_CHARS);
  });
  return told.join('; ');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the parser's own message quotes the text, which may hold a UserSig
  }
}

/** Reads a text frame of a client; never throws. */
export function parseRequest(text: string): Parsed {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'garbage', why: 'a message is a JSON object' };
  }
  const { id, type } = value as { id?: unknown; type?: unknown };
  if (typeof type !== 'string') return { kind: 'garbage', why: 'a message has a type' };
  const known = REQUEST_TYPES.includes(type);
  if (!Number.isSafeInteger(id) && !(known && id === undefined)) {
    return { kind: 'garbage', why: 'a request has an id, which is a whole number' };
  }
  const asked = typeof id === 'number' ? id : null;
  if (!known) {
    const error = new GatewayError('bad-request', `there is no request of type '${type.slice(0, 40)}'`);
    return { kind: 'refused', id: asked, error };
  }
  const parsed = requestShape.safeParse(value);
  if (parsed.success) return { kind: 'request', request: parsed.data };
  return { kind: 'refused', id: asked, error: new GatewayError('bad-request', describe(parsed.error)) };
}

function answerTo(type: keyof typeof answerShapes): z.ZodType {
  return z.object({ id: z.int(), ok: z.literal(true), ...answerShapes[type].shape });
}

/** The protocol as JSON Schema: of requests, of the answer to each, of failures and of what is said unasked. */
export function protocolJsonSchema(): object {
  const types = Object.keys(answerShapes) as (keyof typeof answerShapes)[];
  const answers = types.map((type) => [`answer.${type}`, answerTo(type)] as const);
  const shapes = Object.fromEntries<z.ZodType>([
    ['request', requestShape],
    ...answers,
    ['failure', failureShape],
    ['push', pushShape],
  ]);
  const $defs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const { $schema: _dialect, ...schema } = z.toJSONSchema(shape, { io: 'input' });
      return [name, schema];
    }),
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'roomcast.v1',
    title: 'Signalling of roomcast on /ws, subprotocol roomcast.v1',
    description: 'Every message is one JSON text frame. Whoever reads one ignores fields it does not know.',
    anyOf: Object.keys(shapes).map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs,
  };
}
