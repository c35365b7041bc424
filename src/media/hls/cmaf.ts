import {
  BufferTarget,
  CmafOutputFormat,
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Output,
} from 'mediabunny';
import { isHevc, type TrackConfigs } from '../flv/packets.ts';

/** A coded frame with its place and length on the stream's timeline, both in ms. */
export interface TimedPacket {
  readonly track: 'video' | 'audio';
  readonly key: boolean;
  readonly ptsMs: number;
  readonly durationMs: number;
  readonly data: Buffer;
}

export interface CmafSegment {
  /** The same for every segment of one configuration. */
  readonly init: Buffer;
  readonly media: Buffer;
}

function asBuffer(target: BufferTarget): Buffer {
  return target.buffer ? Buffer.from(target.buffer) : Buffer.alloc(0);
}

/**
 * Writes one CMAF segment, both tracks in it; packets in decoding order, the first picture a key frame.
 * Every segment has an output of its own: one that runs on would keep an index of all it ever wrote.
 */
export async function writeCmaf(
  configs: TrackConfigs,
  packets: readonly TimedPacket[],
): Promise<CmafSegment> {
  const initTarget = new BufferTarget();
  const target = new BufferTarget();
  const output = new Output({ format: new CmafOutputFormat(), target, initTarget });
  const video = configs.video ? new EncodedVideoPacketSource(isHevc(configs.video) ? 'hevc' : 'avc') : null;
  const audio = configs.audio ? new EncodedAudioPacketSource('aac') : null;
  if (video) output.addVideoTrack(video, { decoderConfig: videoConfig(configs) });
  if (audio) output.addAudioTrack(audio, { decoderConfig: audioConfig(configs) });
  await output.start();
  for (const packet of packets) {
    const type = packet.key ? 'key' : 'delta';
    const encoded = new EncodedPacket(packet.data, type, packet.ptsMs / 1000, packet.durationMs / 1000);
    if (packet.track === 'video') await video?.add(encoded);
    else await audio?.add(encoded);
  }
  await output.finalize();
  return { init: asBuffer(initTarget), media: asBuffer(target) };
}

function videoConfig({ video }: TrackConfigs) {
  return {
    codec: video?.codec ?? '',
    codedWidth: video?.width ?? 0,
    codedHeight: video?.height ?? 0,
    description: video?.description ?? new Uint8Array(),
  };
}

function audioConfig({ audio }: TrackConfigs) {
  return {
    codec: audio?.codec ?? '',
    sampleRate: audio?.sampleRate ?? 0,
    numberOfChannels: audio?.channels ?? 0,
    description: audio?.description ?? new Uint8Array(),
  };
}
