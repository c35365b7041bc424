import type { Logger } from 'pino';
import { possibleAudioKbps } from '../../../domain/encoding.ts';
import { type SoundEncoding, soundEncoderArgs } from '../../ffmpeg/encoder-args.ts';
import { CHANNELS, SAMPLE_RATE } from '../clock.ts';
import { processUsage } from '../usage.ts';
import { type EncoderProcess, LEAD_SECONDS, startEncoderProcess } from './encoder-process.ts';
import { HangDetector } from './hang.ts';
import { LeavingEncoders } from './leaving-encoders.ts';
import { type TrackFrame, TrackOrder } from './output-order.ts';

export interface SoundKeeperOptions {
  readonly spec: SoundEncoding;
  readonly log: Logger;
  readonly onFrame: (frame: TrackFrame<SoundEncoding>) => void;
}

interface Run {
  readonly encoder: EncoderProcess;
  readonly startedAt: number;
  /** One past the last sample it was given. */
  endSample: number;
}

/** A minute of it. */
const MAX_UNREAD_BYTES = 60 * SAMPLE_RATE * CHANNELS * 2;
const BYTES_PER_SAMPLE = CHANNELS * 2;
const RESTART_PAUSE_MS = 300;
/** An encoder that lived this long was a good one: the next starts at once. */
const GOOD_MS = 3000;

/** Keeps one encoder of sound running. It has a process of its own: nothing that happens to the picture is heard. */
export class SoundKeeper {
  readonly #options: SoundKeeperOptions;
  readonly #order: TrackOrder<SoundEncoding>;
  readonly #hang = new HangDetector(() => processUsage(this.pid).cpuSeconds);
  readonly #leaving: LeavingEncoders;
  #spec: SoundEncoding;
  #run: Run | null = null;
  #notBeforeMs = 0;
  #starts = 0;
  #stopping = false;

  constructor(options: SoundKeeperOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.#leaving = new LeavingEncoders(options.log);
    this.#order = new TrackOrder(options.onFrame);
  }

  get starts(): number {
    return this.#starts;
  }

  /** 0 while there is none. */
  get pid(): number {
    return this.#run?.encoder.pid ?? 0;
  }

  get pids(): readonly number[] {
    return [...(this.#run ? [this.pid] : []), ...this.#leaving.pids];
  }

  /** Interleaved s16 from this sample of the programme on. */
  write(firstSample: number, samples: Buffer): void {
    if (this.#stopping) return;
    // It counts samples: after a hole (a suspended machine) another one begins behind it.
    if (this.#run && this.#run.endSample !== firstSample) this.#leave(this.#run);
    if (!this.#run && performance.now() < this.#notBeforeMs) return;
    this.#run ??= this.#start(firstSample);
    this.#run.endSample = firstSample + samples.length / BYTES_PER_SAMPLE;
    this.#run.encoder.write([samples]);
  }

  /** From the next sample on the sound is encoded so. */
  change(spec: SoundEncoding): void {
    this.#spec = spec;
    if (this.#run) this.#leave(this.#run);
  }

  /** Looks whether the encoder still works; called each tick. */
  check(nowMs: number): void {
    this.#leaving.check(nowMs);
    if (!this.#run) return;
    const { encoder } = this.#run;
    const { unreadBytes, lastOutputAt } = encoder;
    const hanging = this.#hang.hangs({ nowMs, isFed: unreadBytes > 0, lastOutputAt });
    // Its exit lets the next one start.
    if (hanging || unreadBytes > MAX_UNREAD_BYTES) encoder.kill();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([this.#run?.encoder.stop(), this.#leaving.stop()]);
  }

  #start(firstSample: number): Run {
    const { log } = this.#options;
    const possibleKbps = possibleAudioKbps(this.#spec);
    if (possibleKbps < this.#spec.bitrateKbps && this.#starts === 0) {
      log.warn({ askedKbps: this.#spec.bitrateKbps, possibleKbps }, 'AAC cannot have this bitrate');
    }
    this.#starts += 1;
    const originMs = (firstSample * 1000) / SAMPLE_RATE;
    const lane = this.#order.open(this.#spec);
    lane.enter();
    const encoder = startEncoderProcess({
      args: soundEncoderArgs(this.#spec, {
        sampleRate: SAMPLE_RATE,
        channels: CHANNELS,
        leadSeconds: LEAD_SECONDS,
      }),
      name: 'sound encoder',
      log,
      onTag: (tag) => lane.push({ ...tag, timestamp: Math.round(originMs + tag.timestamp) }),
    });
    const run: Run = { encoder, startedAt: performance.now(), endSample: firstSample };
    encoder.exited
      .then((exit) => {
        lane.end();
        if (this.#stopping || run !== this.#run) return;
        const { outcome, signal, tail } = exit;
        log.warn({ outcome, signal, tail: tail.slice(-3) }, 'sound encoder ended');
        const nowMs = performance.now();
        this.#run = null;
        this.#notBeforeMs = nowMs - run.startedAt > GOOD_MS ? 0 : nowMs + RESTART_PAUSE_MS;
      })
      .catch((error: unknown) => log.error({ err: error }, 'sound encoder end not handled'));
    return run;
  }

  #leave(run: Run): void {
    this.#run = null;
    this.#leaving.add(run.encoder);
  }
}
