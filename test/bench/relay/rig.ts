import { setTimeout as delay } from 'node:timers/promises';
import { type NginxRtmp, startNginxRtmp } from '../../../src/demo/nginx-rtmp.ts';
import type { FlvTag } from '../../../src/media/flv/tag.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type Expected,
  type Interval,
  type IntervalSetting,
  measureInterval,
  SINK,
  type Usage,
  untilOnAir,
} from './interval.ts';
import { NginxRelay, Roomcast } from './parties.ts';
import { type StreamSource, startSource } from './source.ts';

export interface Shape {
  readonly streams: number;
  /** Of each stream. */
  readonly targets: number;
}

/** A push lives for hours: what V8 spends on compiling in its first half minute is no part of its price. */
const FIRST_SETTLE_MS = 25_000;
const SETTLE_MS = 6_000;

function sequence(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** Several streams at once: a source, what receives it, and both contenders. */
export class Rig {
  readonly shape: Shape;
  readonly setting: IntervalSetting;
  readonly #source: StreamSource;
  readonly #sink: NginxRtmp;
  readonly #roomcast: Roomcast;
  readonly #nginx: NginxRelay;
  #runs = 0;

  private constructor(
    shape: Shape,
    setting: IntervalSetting,
    contenders: { roomcast: Roomcast; nginx: NginxRelay },
  ) {
    this.shape = shape;
    this.setting = setting;
    this.#source = setting.source;
    this.#sink = setting.sink;
    this.#roomcast = contenders.roomcast;
    this.#nginx = contenders.nginx;
  }

  static async open(shape: Shape, clip: readonly FlvTag[], seconds: number): Promise<Rig> {
    const source = startSource(clip, shape.streams);
    const sink = await startNginxRtmp({ applications: [SINK] });
    const push =
      shape.streams > 1
        ? [sink.rtmpUrl(SINK, '').slice(0, -1)]
        : sequence(shape.targets).map((index) => sink.rtmpUrl(SINK, `nginx-${index}`));
    const nginx = await NginxRelay.open(source, push);
    const roomcast = await Roomcast.open(source, shape.streams);
    return new Rig(shape, { source, sink, seconds }, { roomcast, nginx });
  }

  /** Both contenders while they push nothing, at the same time. */
  async idle(): Promise<Usage> {
    await this.#nginx.publish('plain', this.#nginxKeys());
    await delay(this.#runs === 0 ? FIRST_SETTLE_MS : SETTLE_MS);
    const pids = { ...this.#roomcast.pids, nginx: this.#nginx.pid };
    const { usage } = await measureInterval(this.setting, pids);
    await this.#nginx.unpublish();
    return usage;
  }

  async roomcast(mergeMs: number, targets = this.shape.targets): Promise<Interval> {
    this.#runs += 1;
    const keys = sequence(this.shape.streams).map((stream) =>
      sequence(targets).map((target) => `roomcast-${this.#runs}-${stream}-${target}`),
    );
    const expected: Expected = new Map(
      keys.flatMap((own, stream) => own.map((key) => [key, stream] as const)),
    );
    // What is not measured does what it did without pushes: processes beside each other change what each one takes.
    await this.#nginx.publish('plain', this.#nginxKeys());
    await this.#roomcast.push(
      keys.map((own) => own.map((key) => this.#sink.rtmpUrl(SINK, key))),
      mergeMs,
    );
    await untilOnAir(this.setting, expected);
    await delay(this.#runs === 1 ? FIRST_SETTLE_MS : SETTLE_MS);
    const interval = await measureInterval(this.setting, this.#roomcast.pids, expected);
    await this.#roomcast.assertUntroubled(expected.size);
    await this.#roomcast.stopPushing();
    await this.#nginx.unpublish();
    await this.#sinkIsQuiet();
    return interval;
  }

  async nginx(): Promise<Interval> {
    const keys = this.#nginxKeys();
    const expected: Expected =
      this.shape.streams > 1
        ? new Map(keys.map((key, stream) => [key, stream]))
        : new Map(sequence(this.shape.targets).map((index) => [`nginx-${index}`, 0]));
    await this.#nginx.publish('pushed', keys);
    await untilOnAir(this.setting, expected);
    await delay(SETTLE_MS);
    const interval = await measureInterval(this.setting, { nginx: this.#nginx.pid }, expected);
    await this.#nginx.unpublish();
    await this.#sinkIsQuiet();
    return interval;
  }

  async close(): Promise<void> {
    this.#source.stop();
    await this.#nginx.close();
    await this.#roomcast.close();
    await this.#sink.stop();
  }

  #nginxKeys(): string[] {
    return sequence(this.shape.streams).map((stream) => `nginx-stream-${stream}`);
  }

  async #sinkIsQuiet(): Promise<void> {
    await eventually(async () => (await this.#sink.livePublishers()) === 0, 30_000, 200);
  }
}
