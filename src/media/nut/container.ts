import { crc32Mpeg } from './crc.ts';

const FILE_ID = Buffer.from('nut/multimedia container\0', 'latin1');
const MAIN = Buffer.from('4e4d7a561f5f04ad', 'hex');
const STREAM = Buffer.from('4e5311405bf2f9db', 'hex');
const SYNCPOINT = Buffer.from('4e4be4adeeca4569', 'hex');

const FLAG_KEY = 1;
const FLAG_CODED_PTS = 8;
const FLAG_STREAM_ID = 16;
const FLAG_SIZE_MSB = 32;
const FLAG_CHECKSUM = 64;
/** Everything is said in the header of each frame. */
const FRAME_FLAGS = FLAG_CODED_PTS | FLAG_STREAM_ID | FLAG_SIZE_MSB | FLAG_CHECKSUM;
const KEY_FRAME_CODE = 0x00;
const FRAME_CODE = 0x01;
/** No syncpoints between frames: FFmpeg remembers each one it reads, some 300 MB a day. */
const FLAG_PIPE = 2;
const MAX_DISTANCE = 65_536;
/** Header packets longer than this have a checksum of their beginning as well. */
const MAX_PLAIN_PACKET = 4096;
const PTS_SHIFT = 7;

interface Track {
  /** As FFmpeg knows the codec: a FourCC, or for raw sound the codes of NUT. */
  readonly codec: Buffer;
  readonly ticksPerSecond: number;
  readonly extradata?: Uint8Array;
  /** Pictures that are shown before one that was decoded earlier. */
  readonly decodeDelay?: number;
}

export type NutTrack = Track &
  (
    | { readonly kind: 'video'; readonly width: number; readonly height: number }
    | { readonly kind: 'audio'; readonly sampleRate: number; readonly channels: number }
  );

/** Variable-length unsigned number: 7 bits a byte, most significant first. */
function variable(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    bytes.unshift((rest % 128) | 0x80);
  return bytes;
}

/** Variable-length signed number. */
function signed(value: number): number[] {
  return variable(value > 0 ? value * 2 - 1 : -value * 2);
}

function bytesOf(content: Uint8Array): number[] {
  return [...variable(content.length), ...content];
}

function checksumOf(bytes: Uint8Array): Buffer {
  const checksum = Buffer.allocUnsafe(4);
  checksum.writeUInt32BE(crc32Mpeg(bytes));
  return checksum;
}

function packet(startCode: Buffer, payload: readonly number[]): Buffer {
  const body = Buffer.from(payload);
  const size = body.length + 4;
  const start = Buffer.concat([startCode, Buffer.from(variable(size))]);
  const startChecksum = size > MAX_PLAIN_PACKET ? checksumOf(start) : Buffer.alloc(0);
  return Buffer.concat([start, startChecksum, body, checksumOf(body)]);
}

/** Fields that follow: pts delta, size multiplier, stream, size, reserved, count. */
function frameCodes(flags: number, count: number): number[] {
  const fields = [...signed(0), ...variable(1), ...variable(0), ...variable(0), ...variable(0)];
  return [...variable(flags), ...variable(6), ...fields, ...variable(count)];
}

function mainHeader(tracks: readonly NutTrack[]): Buffer {
  return packet(MAIN, [
    ...variable(4), // version
    ...variable(0), // minor version
    ...variable(tracks.length),
    ...variable(MAX_DISTANCE),
    ...variable(tracks.length), // time bases: one a track
    ...tracks.flatMap((track) => [...variable(1), ...variable(track.ticksPerSecond)]),
    ...frameCodes(FRAME_FLAGS | FLAG_KEY, 1),
    ...frameCodes(FRAME_FLAGS, 254), // all other codes but 'N', which no frame may have
    ...variable(0), // elision headers
    ...variable(FLAG_PIPE),
  ]);
}

function trackHeader(track: NutTrack, index: number): Buffer {
  return packet(STREAM, [
    ...variable(index),
    ...variable(track.kind === 'video' ? 0 : 1), // class
    ...bytesOf(track.codec),
    ...variable(index), // time base
    ...variable(PTS_SHIFT),
    ...variable(track.ticksPerSecond), // max_pts_distance
    ...variable(track.decodeDelay ?? 0),
    ...variable(0), // flags
    ...bytesOf(track.extradata ?? Buffer.alloc(0)),
    ...(track.kind === 'video'
      ? // square pixels, no colour space
        [...variable(track.width), ...variable(track.height), ...variable(1), ...variable(1), ...variable(0)]
      : [...variable(track.sampleRate), ...variable(1), ...variable(track.channels)]),
  ]);
}

/** What stands before the first frame of a NUT stream. */
export function nutStart(tracks: readonly NutTrack[]): Buffer {
  const syncpoint = packet(SYNCPOINT, [...variable(0), ...variable(0)]);
  return Buffer.concat([FILE_ID, mainHeader(tracks), ...tracks.map(trackHeader), syncpoint]);
}

/** Header of one frame, whose bytes follow it. `track` is its place in the list, `pts` counts the track's ticks. */
export function nutFrameHeader(track: number, pts: number, size: number, key = true): Buffer {
  // A coded pts below 1 << msb_pts_shift would be the short form; the full form is shifted above it.
  const fullPts = variable(pts + 2 ** PTS_SHIFT);
  const head = Buffer.from([
    key ? KEY_FRAME_CODE : FRAME_CODE,
    ...variable(track),
    ...fullPts,
    ...variable(size),
  ]);
  return Buffer.concat([head, checksumOf(head)]);
}
