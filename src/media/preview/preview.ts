import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
import type { CanvasSize, LayoutBox, RoomStream } from '../../domain/layout/box.ts';
import { layOut, mixedStreams } from '../../domain/layout/layout.ts';
import type { MixEventBody } from '../../domain/mix-event.ts';
import type { ProgrammeSpec } from '../../domain/programme.ts';
import { NOT_BLOCKED } from '../../domain/room.ts';
import { startFfmpeg } from '../ffmpeg/process.ts';
import { pngArgs } from '../ffmpeg/test-card-args.ts';
import { createGate } from '../pictures/gate.ts';
import { openPictures } from '../pictures/open-pictures.ts';
import type { PictureSlot } from '../pictures/picture-store.ts';
import { createScene } from '../programme/scene/scene.ts';
import { createStillInput, type StillInput } from './still-input.ts';

const LOOK_EVERY_MS = 20;
/** Three tries of ten seconds for each picture, with the pauses between them. */
const DEADLINE_MS = 60_000;
const CARDS_AT_ONCE = 4;

/** A stream of the room that is shown. */
export interface PreviewStream {
  readonly ref: RoomStream;
  /** Even pixels. */
  readonly size: CanvasSize;
}

export interface PreviewOptions {
  /** With video. */
  readonly programme: ProgrammeSpec & { readonly video: CanvasSize };
  /** In order of entry. */
  readonly streams: readonly PreviewStream[];
  readonly networks: readonly string[];
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** A picture that cannot be had, for one. */
  readonly onEvent: (event: MixEventBody) => void;
}

function mixedOf({ programme, streams }: Pick<PreviewOptions, 'programme' | 'streams'>) {
  const flat = streams.map((stream) => ({ ...stream.ref, size: stream.size }));
  return mixedStreams(programme.layout, flat, programme.maxInputs);
}

/** Where everyone stands, as on the air. */
export function previewBoxes({
  programme,
  streams,
}: Pick<PreviewOptions, 'programme' | 'streams'>): readonly LayoutBox[] {
  const inputs = mixedOf({ programme, streams }).map((stream) => ({ ...stream, audioOnly: false }));
  return layOut(programme.layout, inputs, programme.video, programme);
}

async function untilReady(
  advance: () => boolean,
  inputs: readonly StillInput[],
  slots: () => readonly PictureSlot[],
  signal: AbortSignal,
): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  let applied = false;
  while (performance.now() < endMs) {
    applied = advance() || applied;
    const failed = inputs.find((input) => input.failure !== null);
    if (failed) throw failed.failure;
    const settled = slots().every((slot) => slot.isSettled) && inputs.every((input) => input.isReady(0));
    if (applied && settled) return;
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
  throw new GatewayError('timeout', 'the picture is not done after a minute', { blame: 'system' });
}

/** The programme's picture with a test card for each stream, drawn by the programme's own scene: raw yuv420p. */
export async function drawPreview(options: PreviewOptions): Promise<Buffer> {
  const { programme, networks, log, signal, onEvent } = options;
  const { width, height } = programme.video;
  const gate = createGate(CARDS_AT_ONCE);
  const inputs = mixedOf(options).map(({ size, ...ref }, index) =>
    createStillInput({ ref, size, index, log, signal, gate }),
  );
  const store = openPictures({ networks, log, nice: 0, onEvent });
  let slots: readonly PictureSlot[] = [];
  const pictures = {
    open: (wishes: Parameters<typeof store.open>[0]) => {
      const opened = store.open(wishes);
      slots = opened;
      return opened;
    },
  };
  try {
    const scene = createScene({ canvas: { width, height }, pictures });
    scene.want(
      { programme, inputs: inputs.map((input) => ({ input, blocked: NOT_BLOCKED })) },
      performance.now(),
    );
    await untilReady(
      () => scene.advance(performance.now()),
      inputs,
      () => slots,
      signal,
    );
    const canvas = scene.createCanvas();
    scene.draw(canvas, performance.now());
    return canvas.data;
  } finally {
    await store.close();
  }
}

/** Writes a raw yuv420p picture as PNG; throws `disk` when the file cannot be written. */
export async function writePng(
  picture: Buffer,
  { width, height }: CanvasSize,
  file: string,
  log: Logger,
): Promise<void> {
  const args = pngArgs({ width, height, file });
  const child = startFfmpeg({ args, log, name: 'png', stdin: 'pipe', stdout: 'ignore' });
  child.stdin?.end(picture);
  const exit = await child.exited;
  if (exit.outcome === 'not-started') throw new GatewayError('tool-missing', 'ffmpeg does not start');
  if (exit.outcome !== 'finished') {
    throw new GatewayError('disk', `${file} cannot be written: ${exit.tail.at(-1) ?? exit.outcome}`);
  }
}
