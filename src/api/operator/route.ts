import type { Readable } from 'node:stream';
import { z } from 'zod';
import { GatewayError } from '../../domain/errors.ts';
import { describeIssues } from '../error-envelope.ts';

/** A path of the operator API with `:id`, and `:user` or `:role` behind it, as its only possible parameters. */
export interface OperatorRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly status: 200 | 201;
  readonly query: z.ZodType | null;
  readonly body: z.ZodType | null;
  readonly answer: z.ZodType;
  /** Server-Sent Events: `run` resolves with their stream, `answer` is the data of each. */
  readonly isStream: boolean;
  run(call: RawCall): Promise<unknown>;
}

export interface RawCall {
  readonly id: string;
  readonly user: string;
  readonly role: string;
  readonly query: unknown;
  readonly body: unknown;
}

/** Answers are read only: what comes from the domain is handed out as it is. */
type Immutable<T> = T extends readonly (infer U)[]
  ? readonly Immutable<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Immutable<T[K]> }
    : T;

interface RouteSpec<Q extends z.ZodType, B extends z.ZodType, A extends z.ZodType> {
  readonly method: OperatorRoute['method'];
  readonly path: string;
  readonly summary: string;
  readonly status?: 200 | 201;
  readonly query?: Q;
  readonly body?: B;
  readonly answer: A;
  handle(call: {
    readonly id: string;
    readonly user: string;
    readonly role: string;
    readonly query: z.output<Q>;
    readonly body: z.output<B>;
  }): Promise<Immutable<z.input<A>>>;
}

const nothing = z.strictObject({});

function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new GatewayError('bad-request', describeIssues(parsed.error));
  return parsed.data;
}

/** A route whose handler gets checked input only; the same schemas describe it in openapi.json. */
export function defineRoute<
  A extends z.ZodType,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = typeof nothing,
>(spec: RouteSpec<Q, B, A>): OperatorRoute {
  const { method, path, summary, answer } = spec;
  const query: z.ZodType = spec.query ?? nothing;
  const body: z.ZodType = spec.body ?? nothing;
  return {
    method,
    path,
    summary,
    status: spec.status ?? 200,
    query: spec.query ?? null,
    body: spec.body ?? null,
    answer,
    isStream: false,
    run: (raw) =>
      spec.handle({
        id: raw.id,
        user: raw.user,
        role: raw.role,
        query: parse(query, raw.query ?? {}) as z.output<Q>,
        body: parse(body, raw.body ?? {}) as z.output<B>,
      }),
  };
}

/** A route of Server-Sent Events; `answer` describes the data of each. */
export function defineStream<Q extends z.ZodType>(spec: {
  readonly path: string;
  readonly summary: string;
  readonly query: Q;
  readonly answer: z.ZodType;
  open(query: z.output<Q>): Promise<Readable>;
}): OperatorRoute {
  const { path, summary, query, answer } = spec;
  const run = async (raw: RawCall) => spec.open(parse(query, raw.query ?? {}));
  return { method: 'GET', path, summary, status: 200, query, body: null, answer, isStream: true, run };
}
