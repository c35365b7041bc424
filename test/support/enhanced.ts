import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ALL_FORMATS, BufferSource, type EncodedPacket, EncodedPacketSink, Input } from 'mediabunny';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../src/media/flv/tag.ts';

const run = promisify(execFile);

export interface EnhancedClip {
  readonly codec: 'hvc1' | 'av01' | 'vp09';
  /** FFmpeg source of the picture, with a rate of `fps`. */
  readonly picture: string;
  readonly toneHz: number;
  readonly seconds: number;
  readonly fps?: number;
  /** Of H.265. */
  readonly bFrames?: number;
}

const ENCODERS: Record<EnhancedClip['codec'], (gop: number, bFrames: number) => string[]> = {
  hvc1: (gop, bFrames) => [
    ...['-c:v', 'libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1'],
    ...[
      '-x265-params',
      `log-level=none:keyint=${gop}:min-keyint=${gop}:scenecut=0:bframes=${bFrames}:b-adapt=0`,
    ],
  ],
  av01: (gop) => ['-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-g', String(gop)],
  vp09: (gop) => ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', String(gop)],
};
const CONFIGURATION: Record<EnhancedClip['codec'], string> = { hvc1: 'hvcC', av01: 'av1C', vp09: 'vpcC' };

const SEQUENCE_START = 0;
const CODED_FRAMES = 1;
/** Coded frames whose composition offset is 0 and left out. */
const CODED_FRAMES_X = 3;

/** The body of a box of an MP4 file, wherever it stands. */
function boxOf(file: Buffer, name: string): Buffer {
  const at = file.indexOf(name, 0, 'latin1');
  if (at < 0) throw new Error(`no ${name} in the clip`);
  return file.subarray(at + 4, at - 4 + file.readUInt32BE(at - 4));
}

function videoBody(codec: string, packetType: number, key: boolean, payload: Uint8Array, offset = 0): Buffer {
  const head = Buffer.from([0x80 | (key ? 0x10 : 0x20) | packetType, ...Buffer.from(codec, 'latin1')]);
  const offsetBytes = Buffer.alloc(codec === 'hvc1' && packetType === CODED_FRAMES ? 3 : 0);
  if (offsetBytes.length > 0) offsetBytes.writeIntBE(offset, 0, 3);
  return Buffer.concat([head, offsetBytes, payload]);
}

async function packetsOf(sink: EncodedPacketSink): Promise<EncodedPacket[]> {
  const packets: EncodedPacket[] = [];
  for await (const packet of sink.packets()) packets.push(packet);
  return packets;
}

/** Enhanced picture tags of packets in decoding order. `leadMs`: how far shown times are put back for reordering. */
function videoTags(
  clip: EnhancedClip,
  configuration: Buffer,
  packets: readonly EncodedPacket[],
  leadMs: number,
): FlvTag[] {
  const { codec, fps = 30 } = clip;
  const header: FlvTag = {
    type: TAG_VIDEO,
    timestamp: 0,
    data: videoBody(codec, SEQUENCE_START, true, configuration),
  };
  const frames = packets.map((packet, index): FlvTag => {
    const timestamp = Math.round((index * 1000) / fps);
    const offset = Math.round(packet.timestamp * 1000 + leadMs) - timestamp;
    const type = offset === 0 && codec === 'hvc1' ? CODED_FRAMES_X : CODED_FRAMES;
    const data = videoBody(codec, type, packet.type === 'key', packet.data, offset);
    return { type: TAG_VIDEO, timestamp, data };
  });
  return [header, ...frames];
}

/** Tags as a publisher of enhanced RTMP sends them: real pictures of that codec, with a tone in AAC. */
export async function makeEnhancedClip(clip: EnhancedClip): Promise<FlvTag[]> {
  const { codec, picture, toneHz, seconds, fps = 30, bFrames = 0 } = clip;
  const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-enhanced-'));
  const file = path.join(dir, 'clip.mp4');
  try {
    await run('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', picture],
      ...['-f', 'lavfi', '-i', `sine=frequency=${toneHz}:sample_rate=48000`, '-t', String(seconds)],
      ...['-pix_fmt', 'yuv420p', ...ENCODERS[codec](fps, bFrames)],
      ...['-c:a', 'aac', '-ac', '2', '-b:a', '96k', file],
    ]);
    const bytes = await readFile(file);
    using input = new Input({ formats: ALL_FORMATS, source: new BufferSource(bytes) });
    const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
    if (!video || !audio) throw new Error('the clip lacks a track');
    const pictures = await packetsOf(new EncodedPacketSink(video));
    const sounds = await packetsOf(new EncodedPacketSink(audio));
    const leadMs = Math.max(...pictures.map((packet, index) => (index / fps - packet.timestamp) * 1000));
    const config = await audio.getDecoderConfig();
    const soundHeader = Buffer.from((config?.description ?? new Uint8Array()) as Uint8Array);
    const tags: FlvTag[] = [
      ...videoTags(clip, boxOf(bytes, CONFIGURATION[codec]), pictures, leadMs),
      { type: TAG_AUDIO, timestamp: 0, data: Buffer.concat([Buffer.from([0xaf, 0]), soundHeader]) },
      ...sounds.flatMap((packet): FlvTag[] => {
        const timestamp = Math.round(packet.timestamp * 1000 + leadMs);
        // The encoder's priming lies before the clip.
        if (timestamp < 0) return [];
        return [{ type: TAG_AUDIO, timestamp, data: Buffer.concat([Buffer.from([0xaf, 1]), packet.data]) }];
      }),
    ];
    const isHeader = (tag: FlvTag): boolean => (tag.data[tag.type === TAG_VIDEO ? 0 : 1] ?? 0) % 16 === 0;
    const rank = (tag: FlvTag): number => (isHeader(tag) ? -1 : tag.timestamp);
    return tags.sort((a, b) => rank(a) - rank(b));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
