import { BitWriter } from './bit-writer.ts';

/** ITU-T H.264, A.2 and A.3: the profile, what it leaves out, and levels by their most macroblocks. */
const BASELINE = 66;
const CONSTRAINED = 0xc0;
const LEVELS: readonly (readonly [most: number, level: number])[] = [
  [1620, 30],
  [3600, 31],
  [8192, 40],
  [36_864, 51],
];
const SIDE = 16;
const FRAME_NUMBERS = 16;
const NAL = { slice: 0x41, idr: 0x65, sps: 0x67, pps: 0x68 } as const;
const ALL_INTRA = 7;
const ALL_PREDICTED = 5;
/** Predicted whole from its neighbours' mean, mid-grey where there are none, and nothing added. */
const GREY_MACROBLOCK = 0b00100111;

/** Ends a unit and keeps start codes out of it. */
function nalUnit(header: number, writer: BitWriter): Buffer {
  const out = [header];
  let zeros = 0;
  for (const byte of writer.bits(1, 1).bytes()) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out.push(byte);
  }
  return Buffer.from(out);
}

function withLength(unit: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(unit.length);
  return Buffer.concat([length, unit]);
}

function parameterSets(width: number, height: number, level: number): { sps: Buffer; pps: Buffer } {
  const columns = Math.ceil(width / SIDE);
  const rows = Math.ceil(height / SIDE);
  const sps = new BitWriter().bits(BASELINE, 8).bits(CONSTRAINED, 8).bits(level, 8);
  // Its id, frame numbers of 4 bits, pictures shown as they come, one of them referred to.
  sps.unsigned(0, 0, 2, 1).zeros(1);
  sps.unsigned(columns - 1, rows - 1);
  // Whole frames, cropped to what is shown.
  sps.bits(0b111, 3).unsigned(0, (columns * SIDE - width) >> 1, 0, (rows * SIDE - height) >> 1);
  sps.zeros(1);
  const pps = new BitWriter().unsigned(0, 0).zeros(2).unsigned(0, 0, 0).zeros(3).unsigned(0, 0, 0);
  pps.bits(0b100, 3); // slices say how they are deblocked
  return { sps: nalUnit(NAL.sps, sps), pps: nalUnit(NAL.pps, pps) };
}

/** One colour as H.264, a frame for each of another stream, for a decoder with a header of its own. */
export class GreyPicture {
  /** AVCDecoderConfigurationRecord. */
  readonly config: Buffer;
  readonly #macroblocks: number;
  readonly #intra: readonly [Buffer, Buffer];
  #intras = 0;
  #frames = 0;

  /** Of so many pixels shown; throws RangeError where no level allows that. */
  constructor(width: number, height: number) {
    this.#macroblocks = Math.ceil(width / SIDE) * Math.ceil(height / SIDE);
    const level = LEVELS.find(([most]) => this.#macroblocks <= most)?.[1];
    if (level === undefined) throw new RangeError(`no picture of ${width}x${height} is made`);
    const { sps, pps } = parameterSets(width, height, level);
    this.config = Buffer.concat([
      Buffer.from([1, ...sps.subarray(1, 4), 0xff, 0xe1, sps.length >> 8, sps.length & 0xff]),
      sps,
      Buffer.from([1, pps.length >> 8, pps.length & 0xff]),
      pps,
    ]);
    this.#intra = [this.#makeIntra(0), this.#makeIntra(1)];
  }

  /** A frame from which decoding can begin. */
  key(): Buffer {
    this.#frames = 0;
    this.#intras += 1;
    return this.#intra[(this.#intras % 2) as 0 | 1];
  }

  /** A frame that changes nothing. */
  delta(): Buffer {
    this.#frames = (this.#frames + 1) % FRAME_NUMBERS;
    const slice = new BitWriter().unsigned(0, ALL_PREDICTED, 0).bits(this.#frames, 4);
    slice.zeros(3).unsigned(0, 1); // references as they are, kept as they are
    return withLength(nalUnit(NAL.slice, slice.unsigned(this.#macroblocks)));
  }

  /** Two in a row differ by their ids. */
  #makeIntra(id: number): Buffer {
    const slice = new BitWriter().unsigned(0, ALL_INTRA, 0).zeros(4).unsigned(id).zeros(2).unsigned(0, 1);
    for (let at = 0; at < this.#macroblocks; at += 1) slice.bits(GREY_MACROBLOCK, 8);
    return withLength(nalUnit(NAL.idr, slice));
  }
}
