import type { Logger } from 'pino';
import type { VideoEncoder as EncoderName } from '../../../domain/encoding.ts';
import type { MixEventBody } from '../../../domain/mix-event.ts';
import type { VideoSpec } from '../../../domain/programme.ts';
import { MAX_WAITING_BYTES } from '../../canvas/canvas-pool.ts';
import type { FfmpegExit } from '../../ffmpeg/exit.ts';
import { processUsage } from '../usage.ts';
import { HangDetector } from './hang.ts';
import { LeavingEncoders } from './leaving-encoders.ts';
import { type Lane, type TrackFrame, TrackOrder } from './output-order.ts';
import { type DuePicture, startVideoEncoder, type VideoEncoder } from './video-encoder.ts';

export interface VideoKeeperOptions {
  readonly encoder: EncoderName;
  /** null: no pictures for now. */
  readonly spec: VideoSpec | null;
  readonly log: Logger;
  readonly onEvent: (event: MixEventBody) => void;
  readonly onFrame: (frame: TrackFrame<VideoSpec>) => void;
}

interface Run {
  readonly spec: VideoSpec;
  readonly name: EncoderName;
  readonly encoder: VideoEncoder;
  readonly lane: Lane;
  readonly startedAt: number;
  ended: boolean;
}

const RESTART_PAUSE_MS = 300;
/** An encoder that gave output for this long was a good one: the next starts at once. */
const GOOD_MS = 3000;
/** Bad ends in a row after which another encoder is taken. */
const MAX_BAD_ENDS = 2;
const SOFTWARE: EncoderName = 'libx264';

/** Keeps one encoder of pictures running; its output goes on across encoders without going back in time. */
export class VideoKeeper {
  readonly #options: VideoKeeperOptions;
  readonly #order: TrackOrder<VideoSpec>;
  readonly #hang = new HangDetector(() => processUsage(this.pid).cpuSeconds);
  readonly #leaving: LeavingEncoders;
  #name: EncoderName;
  #spec: VideoSpec | null;
  #current: Run | null = null;
  #next: { readonly spec: VideoSpec | null; readonly run: Run | null } | null = null;
  #starts = 0;
  #badEnds = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: VideoKeeperOptions) {
    this.#options = options;
    this.#name = options.encoder;
    this.#spec = options.spec;
    this.#leaving = new LeavingEncoders(options.log);
    this.#order = new TrackOrder(options.onFrame);
    if (this.#spec) this.#current = this.#use(this.#start(this.#spec));
  }

  get starts(): number {
    return this.#starts;
  }

  /** 0 while there is none. */
  get pid(): number {
    return this.#current?.encoder.pid ?? 0;
  }

  get pids(): readonly number[] {
    const runs = [this.#current, this.#next?.run].flatMap((run) => (run ? [run.encoder.pid] : []));
    return [...runs, ...this.#leaving.pids];
  }

  /** `done` is called once; a picture for which there is no encoder is lost. */
  writeFrame(picture: DuePicture, done: () => void): void {
    if (this.#current) this.#current.encoder.writeFrame(picture, done);
    else done();
  }

  behindMs(nowMs: number): number {
    return this.#current?.encoder.behindMs(nowMs) ?? 0;
  }

  get waiting(): number {
    return this.#current?.encoder.waiting ?? 0;
  }

  /** Starts the encoder for another spec beside the one that works. */
  prepare(spec: VideoSpec | null): void {
    this.#next?.run?.encoder.kill();
    this.#next = { spec, run: spec && this.#start(spec) };
  }

  /** From the next picture on the prepared one encodes. */
  switch(): void {
    if (!this.#next) return;
    clearTimeout(this.#timer);
    const { spec, run } = this.#next;
    const left = this.#current;
    this.#next = null;
    this.#spec = spec;
    const isReady = run && !run.ended;
    this.#current = spec && this.#use(isReady ? run : this.#start(spec));
    if (left) this.#leaving.add(left.encoder);
  }

  /** Looks whether the encoder still works; called each tick. */
  check(nowMs: number): void {
    this.#leaving.check(nowMs);
    if (!this.#current) return;
    const { encoder } = this.#current;
    const { unreadBytes, lastOutputAt } = encoder;
    const hanging = this.#hang.hangs({ nowMs, isFed: unreadBytes > 0, lastOutputAt });
    // Its exit starts the next one.
    if (hanging || unreadBytes > MAX_WAITING_BYTES * 2) encoder.kill();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#next?.run?.encoder.kill();
    const runs = [this.#current, this.#next?.run];
    await Promise.all([...runs.map((run) => run?.encoder.stop()), this.#leaving.stop()]);
  }

  #start(spec: VideoSpec): Run {
    const { log } = this.#options;
    this.#starts += 1;
    const lane = this.#order.open(spec);
    const encoder = startVideoEncoder({ ...spec, encoder: this.#name }, { log, onTag: lane.push });
    const run: Run = { spec, name: this.#name, encoder, lane, startedAt: performance.now(), ended: false };
    encoder.exited
      .then((exit) => {
        run.ended = true;
        lane.end();
        if (!this.#stopping && run === this.#current) this.#lost(run, exit);
      })
      .catch((error: unknown) => log.error({ err: error }, 'encoder end not handled'));
    return run;
  }

  /** From now on its pictures are the track's. */
  #use(run: Run): Run {
    run.lane.enter();
    return run;
  }

  #lost(run: Run, exit: FfmpegExit): void {
    const { log } = this.#options;
    log.warn({ outcome: exit.outcome, signal: exit.signal, tail: exit.tail.slice(-3) }, 'encoder ended');
    this.#current = null;
    const wasGood = run.encoder.firstOutputAt !== null && run.encoder.lastOutputAt - run.startedAt > GOOD_MS;
    this.#badEnds = wasGood ? 0 : this.#badEnds + 1;
    if (this.#badEnds >= MAX_BAD_ENDS && run.name !== SOFTWARE) this.#fallBack(run.name, exit);
    const pauseMs = this.#badEnds > 1 && this.#name === run.name ? RESTART_PAUSE_MS : 0;
    this.#timer = setTimeout(() => {
      if (this.#spec) this.#current = this.#use(this.#start(this.#spec));
    }, pauseMs);
  }

  #fallBack(encoder: EncoderName, exit: FfmpegExit): void {
    const reason = exit.tail.at(-1) ?? exit.outcome;
    this.#name = SOFTWARE;
    this.#badEnds = 0;
    this.#options.log.warn({ encoder, reason }, `the encoder does not work here; going on with ${SOFTWARE}`);
    this.#options.onEvent({ type: 'encoder-fallback', encoder, reason });
  }
}
