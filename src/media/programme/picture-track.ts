import type { MixEventBody } from '../../domain/mix-event.ts';
import type { ProgrammeSpec } from '../../domain/programme.ts';
import { sameSpec } from '../../domain/same-spec.ts';
import type { PictureStore } from '../pictures/picture-store.ts';
import type { Tick } from './clock.ts';
import type { ProgrammeOutput } from './output/output.ts';
import { createOverloadGovernor, type OverloadGovernor } from './output/overload.ts';
import type { SeiPicture } from './output/sei.ts';
import type { SceneWish } from './scene/stack.ts';
import { createStage, type Stage } from './scene/stage.ts';

export interface PictureTrackOptions {
  readonly programme: ProgrammeSpec;
  readonly gallery: Pick<PictureStore, 'open'>;
  readonly output: ProgrammeOutput;
  readonly onEvent: (event: MixEventBody) => void;
  /** Pictures a second from now on; null: none. */
  readonly onRate: (fps: number | null) => void;
}

/** Each change of size, rate or bitrate starts an encoder, which then runs beside those before: no more often. */
const CHANGE_EVERY_MS = 1000;

/** The programme's pictures: what is shown, at which size and rate, and which are left out. */
export class PictureTrack {
  readonly #options: PictureTrackOptions;
  readonly governor: OverloadGovernor;
  #stage: Stage;
  /** Of another size or rate: gets ready beside the one shown. */
  #next: Stage | null = null;
  /** For yet another one: its turn comes when `next` is shown, and not too soon behind it. */
  #later: SceneWish | null = null;
  #notBeforeMs = 0;
  framesOut = 0;
  framesDropped = 0;

  constructor(options: PictureTrackOptions) {
    this.#options = options;
    this.governor = createOverloadGovernor(options.onEvent);
    this.#stage = createStage(options.programme, options.gallery);
  }

  want(wish: SceneWish, nowMs: number): void {
    const { output, gallery } = this.#options;
    const { video } = wish.programme;
    this.#later = null;
    const latest = this.#next ?? this.#stage;
    if (sameSpec(latest.video, video)) latest.want(wish, nowMs);
    else if (this.#next || nowMs < this.#notBeforeMs) this.#later = wish;
    else {
      this.#notBeforeMs = nowMs + CHANGE_EVERY_MS;
      this.#next = createStage(wish.programme, gallery);
      output.prepareVideo(video);
      this.#next.want(wish, nowMs);
    }
  }

  /** Applies a change that is due at this tick; true when it did. */
  advance(nowMs: number): boolean {
    if (!this.#next && this.#later && nowMs >= this.#notBeforeMs) this.want(this.#later, nowMs);
    if (!this.#next) return this.#stage.advance(nowMs);
    if (!this.#next.advance(nowMs)) return false;
    this.#stage = this.#next;
    this.#next = null;
    this.#options.output.switchVideo();
    this.#options.onRate(this.#stage.video?.fps ?? null);
    if (this.#later) this.want(this.#later, nowMs);
    return true;
  }

  /** Where everybody stands in the picture drawn last; null without pictures. */
  get shown(): SeiPicture | null {
    const { video, cells } = this.#stage;
    return video && { canvas: video, cells };
  }

  /** Draws the tick's picture, or leaves it out when encoder or machine are behind. */
  draw({ frame, dueMs }: Tick): void {
    if (frame === null) return;
    const nowMs = performance.now();
    const { output } = this.#options;
    const behindMs = Math.max(output.behindMs(nowMs), nowMs - dueMs);
    const stage = this.#stage;
    const canvas = this.governor.admits({ nowMs, behindMs, waiting: output.waiting })
      ? stage.draw(dueMs)
      : null;
    if (!canvas) {
      this.framesDropped += 1;
      return;
    }
    this.framesOut += 1;
    output.writeFrame({ frame, dueMs, picture: canvas.data }, () => stage.giveBack(canvas));
  }
}
