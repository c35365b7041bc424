import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { parseIntegerRoom } from '../../src/domain/ids.ts';
import { publishUrl } from '../../src/domain/publish-request.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { makeFlv } from './clip.ts';
import { eventually } from './eventually.ts';
import { type FlvWatch, watchFlv } from './flv-watch.ts';
import { APP_ID, ticket, userSig } from './hub-rig.ts';
import { type Publisher, startPublisher } from './publisher.ts';
import { RawRtmp } from './raw-rtmp.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../../dist/test/support/hub-process.js');
const MAX_GROWTH_MB = 150;
/** One dropped picture at 30 fps is a step of 67 ms. */
const MAX_STEP_MS = 60;
export const LIVE_STREAM = `${APP_ID}_1001_alice_main`;

/** 5 Mbit/s of noise, so that a viewer that does not read has something not to read. */
function makeHeavyClip(dir: string): Promise<string> {
  const picture = 'testsrc2=s=640x360:r=30,noise=alls=60:allf=t';
  return makeFlv({ dir, name: 'heavy', picture, fps: 30, gop: 30, videoKbps: 5000, seconds: 10 });
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** A hub in a process of its own with one live publisher and a worker that reads every packet of it. */
export class AttackedHub {
  readonly rtmpPort: number;
  readonly httpPort: number;
  /** Of the live stream, oldest first. */
  readonly reader: FlvWatch;
  readonly #child: ChildProcess;
  readonly #publisher: Publisher;
  readonly #dir: string;
  readonly #sampler: NodeJS.Timeout;
  #baseMb = 0;
  #peakMb = 0;
  #checkedTags = 0;
  #viewers = 0;

  private constructor(
    child: ChildProcess,
    ports: { rtmpPort: number; httpPort: number },
    dir: string,
    clip: string,
  ) {
    this.#child = child;
    this.#dir = dir;
    child.stdout?.on('data', (data: Buffer) => {
      const counts = [...data.toString().matchAll(/"viewers":(\d+)/g)];
      this.#viewers = Number(counts.at(-1)?.[1] ?? this.#viewers);
    });
    this.rtmpPort = ports.rtmpPort;
    this.httpPort = ports.httpPort;
    this.#publisher = startPublisher(
      `rtmp://127.0.0.1:${this.rtmpPort}/push/${this.publishKey('alice')}`,
      clip,
    );
    const read = ticket('read', LIVE_STREAM, { task: 'watch', epoch: 1 });
    this.reader = watchFlv(`http://127.0.0.1:${this.httpPort}/internal/flv/${LIVE_STREAM}?ticket=${read}`);
    this.#sampler = setInterval(() => void this.#sample(), 100);
  }

  static async open(): Promise<AttackedHub> {
    const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-attack-'));
    const clip = await makeHeavyClip(dir);
    const child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const ports = JSON.parse(line.toString()) as { rtmpPort: number; httpPort: number };
    const hub = new AttackedHub(child, ports, dir, clip);
    await eventually(() => hub.reader.tags.length > 150);
    hub.#baseMb = await residentMb(child.pid ?? 0);
    return hub;
  }

  /** The stream name with which that user publishes to room 1001. */
  publishKey(user: string): string {
    const room = parseIntegerRoom('1001');
    const request = { appId: APP_ID, room, userId: user, userSig: userSig({ user }), kind: 'main' } as const;
    return publishUrl({ ...request, rtmpUrl: '' }).obsKey;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Path and query with which a viewer may watch the live stream over HTTP or WebSocket. */
  get livePath(): string {
    return `/live/${LIVE_STREAM}.flv?ticket=${ticket('play', LIVE_STREAM)}`;
  }

  /** A connection that publishes as that user. */
  async publishing(user: string): Promise<RawRtmp> {
    const client = await RawRtmp.connected(this.rtmpPort);
    client.command('publish', null, this.publishKey(user), 'live');
    await client.until('NetStream.Publish.Start');
    return client;
  }

  /** A connection that watches the live stream. */
  async playing(): Promise<RawRtmp> {
    const client = await RawRtmp.connected(this.rtmpPort, 'live');
    client.command('play', null, `${LIVE_STREAM}?ticket=${ticket('play', LIVE_STREAM)}`);
    await client.until('NetStream.Play.Start');
    return client;
  }

  /** The process lives, its memory is what it was, and the live stream lost no picture. */
  async expectUnharmed(): Promise<void> {
    expect(this.isRunning).toBe(true);
    const step = await this.worstStepMs();
    expect(step, 'ms between two pictures of the live stream').toBeGreaterThanOrEqual(0);
    expect(step, 'ms between two pictures of the live stream').toBeLessThan(MAX_STEP_MS);
    expect(await this.grownMb(), 'MB more than before').toBeLessThan(MAX_GROWTH_MB);
  }

  /** Over RTMP, HTTP and WebSocket, as the hub counted last. */
  get viewers(): number {
    return this.#viewers;
  }

  /** Memory since the first attack, at its worst, above what it was before. */
  async grownMb(): Promise<number> {
    await this.#sample();
    return this.#peakMb - this.#baseMb;
  }

  /** Waits for 10 more tags, and returns the worst step between two pictures in ms; negative went back. */
  async worstStepMs(): Promise<number> {
    const { tags } = this.reader;
    const seen = tags.length;
    await eventually(() => tags.length > seen + 10);
    const pictures = tags.slice(Math.max(0, this.#checkedTags - 10)).filter((tag: FlvTag) => tag.type === 9);
    this.#checkedTags = tags.length;
    const steps = pictures.slice(1).map((tag, i) => tag.timestamp - (pictures[i]?.timestamp ?? 0));
    return steps.reduce((worst, step) => (step < 0 || (worst >= 0 && step > worst) ? step : worst), 0);
  }

  async close(): Promise<void> {
    clearInterval(this.#sampler);
    this.reader.close();
    await this.#publisher.kill();
    if (this.isRunning) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await gone;
    }
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #sample(): Promise<void> {
    const now = await residentMb(this.#child.pid ?? 0).catch(() => 0); // the process is gone: the test says so
    this.#peakMb = Math.max(this.#peakMb, now);
  }
}
