import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeCameraClip } from './clip.ts';
import { eventually } from './eventually.ts';
import type { Rgb } from './media-checks.ts';
import { type Publisher, startPublisher } from './publisher.ts';
import type { RunningRoomcast } from './roomcast.ts';

export interface Guest {
  readonly userId: string;
  readonly colour: Rgb;
  readonly toneHz: number;
}

/** Users whose pictures and tones cannot be taken for one another's. */
export const GUESTS = {
  red: { userId: 'red', colour: [200, 30, 30], toneHz: 440 },
  green: { userId: 'green', colour: [30, 180, 30], toneHz: 700 },
  blue: { userId: 'blue', colour: [30, 30, 200], toneHz: 1100 },
  yellow: { userId: 'yellow', colour: [210, 200, 30], toneHz: 1700 },
} as const satisfies Record<string, Guest>;

const hex = (colour: Rgb) => `0x${colour.map((value) => value.toString(16).padStart(2, '0')).join('')}`;

/** Clips of the guests, and the publishers started from them; `close` ends those and removes the clips. */
export class Studio {
  readonly #dir: string;
  readonly #clips: Map<string, string>;
  readonly #publishers = new Set<Publisher>();

  private constructor(dir: string, clips: Map<string, string>) {
    this.#dir = dir;
    this.#clips = clips;
  }

  static async open(guests: readonly Guest[]): Promise<Studio> {
    const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-studio-'));
    const clips = new Map<string, string>();
    for (const { userId, colour, toneHz } of guests) {
      clips.set(userId, await makeCameraClip({ dir, name: userId, colour: hex(colour), toneHz }));
    }
    return new Studio(dir, clips);
  }

  /** Publishes the guest's clip into an integer room, with the URL the CLI prints. */
  async publish(roomcast: RunningRoomcast, room: number, guest: Guest): Promise<Publisher> {
    const args = ['publish-url', '--room', String(room), '--user', guest.userId, '--json'];
    const { code, stdout, stderr } = await roomcast.cli(args);
    if (code !== 0) throw new Error(`publish-url ended with ${code}: ${stderr}`);
    const { url } = JSON.parse(stdout) as { url: string };
    const publisher = startPublisher(url, this.clipOf(guest));
    this.#publishers.add(publisher);
    return publisher;
  }

  /** The clip that the guest publishes, over and over. */
  clipOf(guest: Guest): string {
    return this.#clips.get(guest.userId) ?? '';
  }

  async close(): Promise<void> {
    await Promise.all([...this.#publishers].map((publisher) => publisher.kill()));
    await rm(this.#dir, { recursive: true, force: true });
  }
}

export interface ListedTarget {
  readonly url: string;
  readonly state: string;
  readonly attempt: number;
  readonly nextRetryAt: number | null;
  readonly lastError: unknown;
  readonly bytes: number;
}

export interface ListedRelay {
  readonly taskId: string;
  readonly room: number | string;
  readonly state: string;
  readonly streamId: string;
  readonly targets: readonly ListedTarget[];
}

export interface ListedRecording {
  readonly taskId: string;
  readonly room: number | string;
  readonly state: string;
  readonly files: readonly {
    readonly path: string;
    readonly userId: string;
    readonly durationMs: number;
    readonly bytes: number;
    readonly verdict: { readonly playable: boolean; readonly gaps: number; readonly secondsLost: number };
  }[];
}

/** Runs a command with --json and gives what it printed; fails with its stderr when it did not end with 0. */
export async function cliJson<T>(roomcast: RunningRoomcast, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await roomcast.cli([...args, '--json']);
  if (code !== 0) throw new Error(`roomcast ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Starts a relay of the room's mix to one URL; gives its task. */
export async function startRelay(roomcast: RunningRoomcast, room: number, to: string): Promise<string> {
  const args = ['relay', 'start', '--room', String(room), '--to', to];
  return (await cliJson<{ taskId: string }>(roomcast, ...args)).taskId;
}

/** ms of pictures that the mix of a relay tells it left out: a machine that is too busy leaves gaps of no more. */
export async function leftOutMs(roomcast: RunningRoomcast, taskId: string): Promise<number> {
  const { mix, programme } = await cliJson<{
    mix: { encoder: { framesDropped: number } };
    programme: { video: { fps: number } };
  }>(roomcast, 'relay', 'show', taskId);
  return (mix.encoder.framesDropped * 1000) / programme.video.fps;
}

/** Waits until every target of the relay is live. */
export async function untilLive(
  roomcast: RunningRoomcast,
  taskId: string,
  deadlineMs = 30_000,
): Promise<ListedRelay> {
  return eventually(
    async () => {
      const relay = (await cliJson<ListedRelay[]>(roomcast, 'relay', 'list')).find(
        (one) => one.taskId === taskId,
      );
      const live = relay?.targets.every((target) => target.state === 'live');
      if (!live) throw new Error(`not live: ${JSON.stringify(relay)}`);
      return relay;
    },
    deadlineMs,
    250,
  );
}
