import { toGatewayError } from '../src/domain/errors.ts';
import { parseStreamId } from '../src/domain/ids.ts';
import type { JobOutcome } from '../src/domain/job.ts';
import { openStreamReader } from '../src/media/flv/stream-reader.ts';
import { createHlsUploader } from '../src/media/hls/hls-uploader.ts';
import { createSegmenter } from '../src/media/hls/segmenter.ts';
import type { HubStream, JobContext, JobHandler, StopReason } from './job-context.ts';
import { readHubStream, streamTicket } from './stream-address.ts';

const REPORT_EVERY_MS = 1000;

export interface HlsJobDeps {
  readonly openReader?: typeof openStreamReader;
}

async function storeAddress(context: JobContext, stream: HubStream): Promise<string | null> {
  const gateway = await context.facts.locateRoom(stream.appId, stream.room);
  return gateway ? `${gateway.internalHttp}/internal/hls/${stream.streamId}` : null;
}

async function segmentUntilEnd(
  context: JobContext,
  stream: HubStream,
  openReader: typeof openStreamReader,
): Promise<JobOutcome> {
  const { log, signal } = context;
  let finish: (reason: StopReason) => void = () => undefined;
  const ended = new Promise<StopReason>((resolve) => {
    finish = resolve;
  });
  const onAbort = () => finish(signal.reason as StopReason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const uploader = createHlsUploader({
    address: () => storeAddress(context, stream),
    ticket: () => streamTicket(context, stream.streamId, 'hls'),
    log,
    onFenced: () => finish('fenced'),
  });
  const segmenter = createSegmenter({
    log,
    onInit: (data) => uploader.init(data),
    onSegment: (segment) => uploader.segment(segment),
    onError: (error) => log.warn({ reason: toGatewayError(error).message }, 'no HLS of this stream'),
  });
  let onAir = false;
  const report = () => {
    context.report({ kind: 'hls', state: onAir ? 'running' : 'waiting', segments: uploader.stored });
  };
  const wallOffsetMs = Date.now() - performance.now();
  const callbacks: Parameters<typeof readHubStream>[2] = {
    onTag: (tag, info) => segmenter.take(tag, { ...info, arrivalMs: info.arrivalMs + wallOffsetMs }),
    onStreamStart: () => {
      onAir = true;
      segmenter.streamStarted();
    },
    onStreamEnd: () => {
      onAir = false;
      segmenter.streamStarted();
    },
    onFenced: () => finish('fenced'),
  };
  const reader = readHubStream(context, stream, callbacks, openReader);
  const timer = setInterval(report, REPORT_EVERY_MS);
  const reason = await ended;
  clearInterval(timer);
  signal.removeEventListener('abort', onAbort);
  await reader.stop();
  await uploader.stop();
  return { result: reason === 'fenced' ? 'fenced' : 'stopped' };
}

/** Makes HLS of one stream and stores it at its gateway, while the stream is wanted. */
export function createHlsJob(deps: HlsJobDeps = {}): JobHandler {
  return async (context) => {
    const name = parseStreamId(context.job.id);
    if (!name) return { result: 'done' };
    const stream = { appId: name.appId, room: name.room, streamId: context.job.id };
    return segmentUntilEnd(context, stream, deps.openReader ?? openStreamReader);
  };
}
