import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../../domain/errors.ts';
import { type PlayProof, playQuery } from '../../domain/play-proof.ts';
import { sendError } from '../error-envelope.ts';
import { type FindElsewhere, refuseOrRedirect } from './elsewhere.ts';
import type { HlsStore } from './hls-store.ts';
import { proofOf, queryText } from './play-query.ts';

export interface HlsRoutesDeps {
  readonly store: HlsStore;
  /** Notes that somebody watches; a failure is no reason to refuse what is there. */
  readonly markWanted: (streamId: string) => Promise<void>;
  /** The stream's one spelling; throws `not-found` and why it may not be played. */
  readonly authorisePlay: (streamText: string, proof: PlayProof) => Promise<string>;
  readonly findElsewhere?: FindElsewhere;
  /** The epoch of a worker's `hls` ticket for this stream; throws `ticket-invalid`. */
  readonly verifyWorker: (streamId: string, ticket: string) => { readonly epoch: number };
  /** How long a first viewer waits for a first segment; 8 s by default. */
  readonly firstSegmentMs?: number;
}

const FIRST_SEGMENT_MS = 8000;
const RETRY_AFTER_SECONDS = 2;
const MAX_SEGMENT_BYTES = 40 * 1024 * 1024;
/** A playlist is new with every segment; the files behind it never change. */
const PLAYLIST_CACHE = 'no-cache';
const FILE_CACHE = 'private, max-age=60, immutable';

interface StreamParams {
  readonly stream: string;
}

interface FileParams extends StreamParams {
  readonly file: string;
}

function queryNumber(request: FastifyRequest, name: string, max = Number.MAX_SAFE_INTEGER): number {
  const text = queryText(request, name) ?? '';
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw new GatewayError('bad-request', `${name} is not a number that fits`);
  return value;
}

function refuse(
  { findElsewhere }: HlsRoutesDeps,
  thrown: unknown,
  exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  file: string,
): Promise<FastifyReply> {
  const { stream } = exchange.request.params as StreamParams;
  const path = `/hls/${encodeURIComponent(stream)}/${encodeURIComponent(file)}`;
  return refuseOrRedirect(thrown, exchange, { findElsewhere, stream, path });
}

async function sendPlaylist(deps: HlsRoutesDeps, request: FastifyRequest, reply: FastifyReply) {
  const { stream } = request.params as StreamParams;
  reply.header('access-control-allow-origin', '*').header('cache-control', PLAYLIST_CACHE);
  let streamId: string;
  let proof: PlayProof;
  try {
    proof = proofOf(request);
    streamId = await deps.authorisePlay(stream, proof);
  } catch (thrown) {
    return refuse(deps, thrown, { request, reply }, 'index.m3u8');
  }
  // Redis is away: the job goes on, only new streams have to wait.
  await deps.markWanted(streamId).catch(() => undefined);
  await deps.store.waitForSegment(streamId, deps.firstSegmentMs ?? FIRST_SEGMENT_MS);
  // Segment URIs carry what the playlist was fetched with: each request is checked again.
  const text = deps.store.playlist(streamId, playQuery(proof));
  if (text !== null) return reply.type('application/vnd.apple.mpegurl').send(text);
  const error = { code: 'timeout', message: 'the first segment is not there yet' };
  return reply.code(503).header('retry-after', RETRY_AFTER_SECONDS).send({ error });
}

async function sendFile(deps: HlsRoutesDeps, request: FastifyRequest, reply: FastifyReply) {
  const { stream, file } = request.params as FileParams;
  reply.header('access-control-allow-origin', '*').header('cache-control', PLAYLIST_CACHE);
  try {
    const streamId = await deps.authorisePlay(stream, proofOf(request));
    const data = deps.store.file(streamId, file);
    if (!data) throw new GatewayError('not-found', 'no such segment');
    const type = file.endsWith('.m4s') ? 'video/iso.segment' : 'video/mp4';
    return reply.type(type).header('cache-control', FILE_CACHE).send(data);
  } catch (thrown) {
    return refuse(deps, thrown, { request, reply }, file);
  }
}

function refuseStranger(deps: HlsRoutesDeps, request: FastifyRequest, reply: FastifyReply): unknown {
  try {
    deps.verifyWorker((request.params as StreamParams).stream, queryText(request, 'ticket') ?? '');
    return undefined;
  } catch (thrown) {
    return sendError(thrown, request, reply);
  }
}

function storeUpload(deps: HlsRoutesDeps, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { stream, file } = request.params as FileParams;
  try {
    const { epoch } = deps.verifyWorker(stream, queryText(request, 'ticket') ?? '');
    const data = request.body;
    if (!Buffer.isBuffer(data) || data.length === 0) throw new GatewayError('bad-request', 'no bytes');
    if (file === 'init') {
      deps.store.putInit(stream, epoch, data);
    } else if (file === 'segment') {
      deps.store.putSegment(stream, {
        epoch,
        sequence: queryNumber(request, 'sequence'),
        durationMs: queryNumber(request, 'durationMs', 3_600_000),
        programTimeMs: queryNumber(request, 'programTime', 8_640_000_000_000_000),
        data,
      });
    } else {
      throw new GatewayError('not-found', 'no such upload');
    }
    return reply.code(204).send();
  } catch (thrown) {
    return sendError(thrown, request, reply);
  }
}

/** `GET /hls/STREAM/index.m3u8` and its files for viewers, `PUT /internal/hls/STREAM/...` for workers. */
export function registerHlsRoutes(app: FastifyInstance, deps: HlsRoutesDeps): void {
  app.get('/hls/:stream/index.m3u8', (request, reply) => sendPlaylist(deps, request, reply));
  app.get('/hls/:stream/:file', (request, reply) => sendFile(deps, request, reply));
  // A scope of its own: elsewhere the gateway parses bodies by their type.
  app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: MAX_SEGMENT_BYTES },
      (_request, body, done) => done(null, body),
    );
    scope.put(
      '/internal/hls/:stream/:file',
      // Before the body is read: strangers must not fill our memory.
      {
        bodyLimit: MAX_SEGMENT_BYTES,
        onRequest: async (request, reply) => refuseStranger(deps, request, reply),
      },
      (request, reply) => storeUpload(deps, request, reply),
    );
    registered();
  });
}
