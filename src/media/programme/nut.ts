import { crc32Mpeg } from './nut-crc.ts';

const FILE_ID = Buffer.from('nut/multimedia container\0', 'latin1');
const MAIN = Buffer.from('4e4d7a561f5f04ad', 'hex');
const STREAM = Buffer.from('4e5311405bf2f9db', 'hex');
const SYNCPOINT = Buffer.from('4e4be4adeeca4569', 'hex');

const FLAG_KEY = 1;
const FLAG_CODED_PTS = 8;
const FLAG_STREAM_ID = 16;
const FLAG_SIZE_MSB = 32;
const FLAG_CHECKSUM = 64;
/** The one kind of frame we write: everything is said in its header. */
const FRAME_FLAGS = FLAG_KEY | FLAG_CODED_PTS | FLAG_STREAM_ID | FLAG_SIZE_MSB | FLAG_CHECKSUM;
const FRAME_CODE = 0x00;
/** No syncpoints between frames: FFmpeg remembers each one it reads, some 300 MB a day. */
const FLAG_PIPE = 2;
const MAX_DISTANCE = 65_536;
/** Header packets longer than this need another checksum; ours are shorter. */
const MAX_PLAIN_PACKET = 4096;

const VIDEO_PTS_SHIFT = 7;
const AUDIO_PTS_SHIFT = 14;

export const NUT_VIDEO = 0;
export const NUT_AUDIO = 1;

export interface NutFormat {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly sampleRate: number;
  readonly channels: number;
}

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

function bytesOf(content: Buffer): number[] {
  return [...variable(content.length), ...content];
}

function packet(startCode: Buffer, payload: readonly number[]): Buffer {
  const body = Buffer.from(payload);
  const size = body.length + 4;
  if (size > MAX_PLAIN_PACKET) throw new RangeError('NUT header packet too long');
  const checksum = Buffer.allocUnsafe(4);
  checksum.writeUInt32BE(crc32Mpeg(body));
  return Buffer.concat([startCode, Buffer.from(variable(size)), body, checksum]);
}

/** Time bases: frames and samples, so that every timestamp is exact. */
function mainHeader({ fps, sampleRate }: NutFormat): Buffer {
  const frameCodes = [
    ...variable(FRAME_FLAGS),
    ...variable(6), // fields that follow: pts delta, size multiplier, stream, size, reserved, count
    ...signed(0),
    ...variable(1),
    ...variable(0),
    ...variable(0),
    ...variable(0),
    ...variable(255), // all codes but 'N', which no frame may have
  ];
  return packet(MAIN, [
    ...variable(4), // version
    ...variable(0), // minor version
    ...variable(2), // streams
    ...variable(MAX_DISTANCE),
    ...variable(2), // time bases
    ...[...variable(1), ...variable(fps)],
    ...[...variable(1), ...variable(sampleRate)],
    ...frameCodes,
    ...variable(0), // elision headers
    ...variable(FLAG_PIPE),
  ]);
}

function videoHeader({ width, height, fps }: NutFormat): Buffer {
  return packet(STREAM, [
    ...variable(NUT_VIDEO),
    ...variable(0), // class: video
    ...bytesOf(Buffer.from('I420', 'latin1')),
    ...variable(0), // time base
    ...variable(VIDEO_PTS_SHIFT),
    ...variable(fps), // max_pts_distance
    ...variable(0), // decode delay
    ...variable(0), // flags
    ...bytesOf(Buffer.alloc(0)),
    ...[...variable(width), ...variable(height)],
    ...[...variable(1), ...variable(1)], // square pixels
    ...variable(0), // colour space
  ]);
}

function audioHeader({ sampleRate, channels }: NutFormat): Buffer {
  return packet(STREAM, [
    ...variable(NUT_AUDIO),
    ...variable(1), // class: audio
    ...bytesOf(Buffer.from([0x50, 0x53, 0x44, 16])), // PSD, 16 bit: s16le
    ...variable(1), // time base
    ...variable(AUDIO_PTS_SHIFT),
    ...variable(sampleRate),
    ...variable(0),
    ...variable(0),
    ...bytesOf(Buffer.alloc(0)),
    ...[...variable(sampleRate), ...variable(1)],
    ...variable(channels),
  ]);
}

/** What stands before the first frame of a NUT stream with yuv420p pictures and s16le sound. */
export function nutHeader(format: NutFormat): Buffer {
  const start = packet(SYNCPOINT, [...variable(0), ...variable(0)]);
  return Buffer.concat([FILE_ID, mainHeader(format), videoHeader(format), audioHeader(format), start]);
}

/** Header of one frame, whose bytes follow it. `pts` counts frames for the picture, samples for the sound. */
export function nutFrameHeader(stream: number, pts: number, size: number): Buffer {
  // A coded pts below 1 << msb_pts_shift would be the short form; the full form is shifted above it.
  const fullPts = pts + 2 ** (stream === NUT_VIDEO ? VIDEO_PTS_SHIFT : AUDIO_PTS_SHIFT);
  const head = Buffer.from([
    FRAME_CODE,
    ...variable(stream),
    ...variable(fullPts),
    ...variable(size),
    0,
    0,
    0,
    0,
  ]);
  head.writeUInt32BE(crc32Mpeg(head.subarray(0, -4)), head.length - 4);
  return head;
}
