import type { Logger } from 'pino';
import type { CanvasSize, RoomStream } from '../../domain/layout/box.ts';
import { type Frame, frameBytes, nextFrameId } from '../canvas/frame-pool.ts';
import { testCardArgs } from '../ffmpeg/test-card-args.ts';
import type { Gate } from '../pictures/gate.ts';
import { oneFrame } from '../pictures/one-frame.ts';
import { type CellSize, takenPicture } from '../programme/input/decoder-slot.ts';
import type { SceneInput } from '../programme/scene/stack.ts';
import { cardColor, drawTestCard } from './test-card.ts';

export interface StillInputOptions {
  readonly ref: RoomStream;
  /** Of the camera. */
  readonly size: CanvasSize;
  /** Which of the colours. */
  readonly index: number;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Not all cards are drawn at once. */
  readonly gate: Gate;
}

/** A user whose camera shows a test card. */
export interface StillInput extends SceneInput {
  readonly size: CanvasSize;
  /** Why there is no card; null while all is well. */
  readonly failure: unknown;
}

function nameOf({ userId, stream, room }: RoomStream): string {
  const screen = stream === 'aux' ? ' (screen)' : '';
  return `${userId}${screen}${room ? ` of ${room.value}` : ''}`;
}

export function createStillInput(options: StillInputOptions): StillInput {
  const { ref, size, index, log, signal, gate } = options;
  let card: Frame | null = null;
  let wanted: CellSize | null = null;
  let failure: unknown = null;

  async function draw(cell: CellSize): Promise<void> {
    const taken = takenPicture(cell, size);
    const { width, height } = taken;
    const data = await oneFrame({
      args: testCardArgs({ ...size, name: nameOf(ref), taken }),
      input: drawTestCard(size, cardColor(index)),
      bytes: frameBytes(width, height),
      nice: 0,
      log,
      signal,
    });
    if (wanted === cell) card = { width, height, data, id: nextFrameId(), ptsMs: 0 };
  }

  return {
    ref,
    size,
    get failure() {
      return failure;
    },
    isAudioOnly: () => false,
    prepare(cell) {
      wanted = cell;
      if (!cell) return;
      gate(() => draw(cell)).catch((error: unknown) => {
        failure = error;
      });
    },
    isReady: () => wanted === null || card !== null || failure !== null,
    commit: () => undefined,
    pictureAt: () => card,
  };
}
