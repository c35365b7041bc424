import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGopKeeper, type GopKeeper, snapshotTags } from '../../src/media/flv/gop.ts';
import { MARK_END, MARK_LIVE, MARK_START, scriptTag } from '../../src/media/flv/script.ts';
import { type FlvTag, isSequenceHeader, TAG_SCRIPT } from '../../src/media/flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../../src/media/flv/writer.ts';

/** A camera that plays a clip over and over. */
export interface SourceCamera {
  /** Sends nothing, as a stopped process. */
  freeze(): void;
  /** Goes on where it was and sends at once what is late, as a continued FFmpeg does. */
  thaw(): void;
  /** From now on sends only so often what is due: in bursts. */
  pace(everyMs: number): void;
  end(): void;
}

export interface Pace {
  /** At 1.001 the camera's clock runs 0.1 % fast. */
  readonly speed?: number;
  /** The clip begins anew after this time; a frame behind its last timestamp by default. */
  readonly loopMs?: number;
}

/** A small hub: HTTP-FLV with cached GOP and the marks of the real one. */
export interface FlvSource {
  url(streamId: string): string;
  /** `stamp` makes the timestamps that are sent of the ms since the camera's start. */
  play(streamId: string, clip: readonly FlvTag[], stamp?: (ms: number) => number, pace?: Pace): SourceCamera;
  readonly readers: (streamId: string) => number;
  close(): Promise<void>;
}

interface Channel {
  readonly gop: GopKeeper;
  readonly readers: Set<ServerResponse>;
}

const PACE_MS = 10;

function lengthOf(clip: readonly FlvTag[]): number {
  return Math.max(...clip.filter((tag) => tag.type !== TAG_SCRIPT).map((tag) => tag.timestamp)) + 33;
}

function playClip(
  clip: readonly FlvTag[],
  send: (tag: FlvTag) => void,
  stamp: (ms: number) => number,
  { speed = 1, loopMs = lengthOf(clip) }: Pace,
): Omit<SourceCamera, 'end'> & { stop(): void } {
  const played = clip.filter((tag) => tag.type !== TAG_SCRIPT);
  // Headers behind the first frame belong to another configuration and stay where they are.
  const opening = played.findIndex((tag) => !isSequenceHeader(tag));
  for (const tag of played.slice(0, opening)) send({ ...tag, timestamp: stamp(0) });
  const media = played.slice(opening);
  const beganAt = performance.now();
  let next = 0;
  let timer: NodeJS.Timeout | undefined;
  const step = (): void => {
    const elapsed = (performance.now() - beganAt) * speed;
    for (;;) {
      const tag = media[next % media.length];
      if (!tag) return;
      const timestamp = tag.timestamp + Math.floor(next / media.length) * loopMs;
      if (timestamp > elapsed) return;
      send({ ...tag, timestamp: stamp(timestamp) });
      next += 1;
    }
  };
  const stop = (): void => clearInterval(timer);
  const pace = (everyMs: number): void => {
    stop();
    timer = setInterval(step, everyMs);
  };
  const thaw = (): void => pace(PACE_MS);
  thaw();
  return { freeze: stop, thaw, pace, stop };
}

export async function startFlvSource(): Promise<FlvSource> {
  const channels = new Map<string, Channel>();
  const cameras = new Set<SourceCamera>();
  const channelOf = (streamId: string): Channel => {
    const known = channels.get(streamId) ?? { gop: createGopKeeper(), readers: new Set<ServerResponse>() };
    channels.set(streamId, known);
    return known;
  };
  const server = createServer((request, response) => {
    const channel = channelOf(request.url?.split('?')[0]?.split('/').at(-1) ?? '');
    response.writeHead(200, { 'content-type': 'video/x-flv' });
    response.write(flvHeader());
    for (const tag of snapshotTags(channel.gop.snapshot())) response.write(encodeFlvTag(tag));
    response.write(encodeFlvTag(scriptTag(MARK_LIVE)));
    channel.readers.add(response);
    response.once('close', () => channel.readers.delete(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: (streamId) => `http://127.0.0.1:${port}/internal/flv/${streamId}`,
    readers: (streamId) => channelOf(streamId).readers.size,
    play(streamId, clip, stamp = (ms) => ms, pace = {}) {
      const channel = channelOf(streamId);
      const send = (tag: FlvTag): void => {
        channel.gop.push(tag);
        const bytes = encodeFlvTag(tag);
        for (const reader of channel.readers) reader.write(bytes);
      };
      const mark = (name: string): void => {
        for (const reader of channel.readers) reader.write(encodeFlvTag(scriptTag(name)));
      };
      channel.gop.clear();
      mark(MARK_START);
      const playing = playClip(clip, send, stamp, pace);
      const camera: SourceCamera = {
        ...playing,
        end() {
          playing.stop();
          mark(MARK_END);
          cameras.delete(camera);
        },
      };
      cameras.add(camera);
      return camera;
    },
    async close() {
      for (const camera of cameras) camera.end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
