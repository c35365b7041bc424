import { z } from 'zod';
import { errorAnswer } from '../api/operator/schemas.ts';
import { appsPath } from '../config/apps.ts';
import { loadConfig } from '../config/env.ts';
import { readRunFile } from '../config/run-file.ts';
import { type ErrorCode, GatewayError } from '../domain/errors.ts';
import { type CommandIo, UsageError } from './command.ts';
import { readLocalApps } from './local-apps.ts';

const ANSWER_MS = 15_000;

interface ApiRequest<A extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below /api/v1. */
  readonly path: string;
  readonly body?: unknown;
  readonly answer: A;
}

/** The operator API of the roomcast that runs on this data dir. */
export interface ApiClient {
  call<A extends z.ZodType>(request: ApiRequest<A>): Promise<z.output<A>>;
  /** An answer that goes on until one side ends it. */
  open(path: string): Promise<ReadableStream<Uint8Array>>;
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 404) return 'not-found';
  if (status === 409) return 'conflict';
  return status < 500 ? 'bad-request' : 'internal';
}

async function readAnswer<A extends z.ZodType>(response: Response, schema: A): Promise<z.output<A>> {
  const json: unknown = await response.json().catch(() => null); // what is no JSON is told as such below
  if (response.ok) return schema.parse(json);
  const told = errorAnswer.safeParse(json);
  const message = told.success ? told.data.error.message : `roomcast answered ${response.status}`;
  throw new GatewayError(codeOfStatus(response.status), message);
}

/** Finds the running roomcast by run.json and apps.json; throws one sentence when there is none. */
export async function openApi(io: Pick<CommandIo, 'env' | 'signal'>): Promise<ApiClient> {
  const { dataDir } = loadConfig(io.env);
  const found = await readRunFile(dataDir);
  if (found === null) {
    throw new GatewayError(
      'unreachable',
      `no roomcast runs on ${dataDir}: start it with \`roomcast start\`, or name its folder by ROOMCAST_DATA_DIR`,
    );
  }
  const run = found;
  const { adminToken } = await readLocalApps(dataDir);
  async function request(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...init.headers, authorization: `Bearer ${adminToken.reveal()}` };
    const response = await fetch(`${run.localHttp}/api/v1${path}`, { ...init, headers }).catch(
      (cause: unknown) => {
        const message = `roomcast does not answer at ${run.localHttp} (run.json of ${dataDir}, process ${run.pid}): is it still running?`;
        throw new GatewayError('unreachable', message, { cause });
      },
    );
    if (response.status === 401) {
      throw new GatewayError('unauthorized', `the adminToken of ${appsPath(dataDir)} is not the gateway's`);
    }
    return response;
  }

  return {
    call: async ({ method, path, body, answer }) => {
      const signal = AbortSignal.any([io.signal, AbortSignal.timeout(ANSWER_MS)]);
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const headers: Record<string, string> =
        body === undefined ? {} : { 'content-type': 'application/json' };
      return readAnswer(await request(path, { method, headers, signal, ...json }), answer);
    },
    async open(path) {
      const response = await request(path, { signal: io.signal });
      if (!response.ok || response.body === null) return readAnswer(response, z.never());
      return response.body;
    },
  };
}

/** What ids of tasks and streams are made of. */
const ID = /^[\w~-]{1,400}$/;

/** Path of one task or stream; throws UsageError for what is neither: it may be a push URL in the wrong place. */
export function apiPath(group: 'relays' | 'recordings' | 'streams', id: string, rest = ''): string {
  if (!ID.test(id)) throw new UsageError('a task and a stream are named by their ids, as they are listed');
  return `/${group}/${encodeURIComponent(id)}${rest}`;
}
