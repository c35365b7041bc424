import type { Logger } from 'pino';
import type { RoomStream } from '../../../domain/layout/box.ts';
import { mixedStreams } from '../../../domain/layout/layout.ts';
import type { MixEventBody } from '../../../domain/mix-event.ts';
import { type Blocked, NOT_BLOCKED } from '../../../domain/room.ts';
import { openStreamReader, type StreamReader } from '../../flv/stream-reader.ts';
import type { Priorities } from '../priority.ts';
import type { Sources } from '../protocol.ts';
import { createInput, type ProgrammeInput } from './input.ts';
import type { PictureCodecs } from './picture-codecs.ts';
import type { StartQueue } from './start-queue.ts';

export interface InputSetOptions {
  readonly priorities: Priorities;
  readonly starts: StartQueue;
  readonly codecs: PictureCodecs;
  readonly log: Logger;
  readonly onEvent: (event: MixEventBody) => void;
  readonly onFenced: () => void;
}

/** An input of the programme with what the room says of it. */
export interface PresentInput {
  readonly input: ProgrammeInput;
  readonly blocked: Blocked;
}

interface Attached extends PresentInput {
  readonly reader: StreamReader;
  url: string | null;
  blocked: Blocked;
}

/** Another address, not only a fresh ticket. Without a known address what is connected stays. */
export function isElsewhere(before: string | null, after: string | null): boolean {
  return before !== null && after !== null && before.split('?')[0] !== after.split('?')[0];
}

/** The inputs of a programme with their readers: those that are mixed, and those that leave at the next change. */
export class InputSet {
  readonly #options: InputSetOptions;
  #attached = new Map<string, Attached>();
  readonly #leaving = new Set<Attached>();

  constructor(options: InputSetOptions) {
    this.#options = options;
  }

  /** In order of entry. */
  get present(): readonly PresentInput[] {
    return [...this.#attached.values()];
  }

  /** Those present, and those that are shown until the change that removes them. */
  get heard(): readonly PresentInput[] {
    return [...this.#attached.values(), ...this.#leaving];
  }

  /** Follows what is mixed now; true when other inputs than before are, in another order, or otherwise to be seen. */
  follow({ programme, inputs }: Sources): boolean {
    const before = this.#outline();
    const next = new Map<string, Attached>();
    for (const { url, blocked = NOT_BLOCKED, ...ref } of mixedStreams(
      programme.layout,
      inputs,
      programme.maxInputs,
    )) {
      const entry = this.#attached.get(ref.streamId) ?? this.#attach(ref, url);
      this.#moveTo(entry, url);
      entry.blocked = blocked;
      next.set(ref.streamId, entry);
    }
    for (const [id, entry] of this.#attached) if (!next.has(id)) this.#leaving.add(entry);
    this.#attached = next;
    return this.#outline() !== before;
  }

  #outline(): string {
    return JSON.stringify([...this.#attached].map(([id, { blocked }]) => [id, blocked.video]));
  }

  /** Those that left are shown no longer: their last sound may be mixed, then they end. */
  takeLeaving(): readonly ProgrammeInput[] {
    const gone = [...this.#leaving];
    this.#leaving.clear();
    for (const { input, reader } of gone) {
      // Closed behind this tick: the caller fades its sound out first.
      setImmediate(() => {
        Promise.all([input.close(), reader.stop()]).catch((error: unknown) =>
          this.#options.log.error({ err: error }, 'reader did not stop'),
        );
      });
    }
    return gone.map((entry) => entry.input);
  }

  async close(): Promise<void> {
    const entries = [...this.#attached.values(), ...this.#leaving];
    await Promise.all(entries.flatMap((entry) => [entry.reader.stop(), entry.input.close()]));
  }

  #attach(ref: RoomStream, url: string | null): Attached {
    const { onFenced, ...shared } = this.#options;
    const { log } = shared;
    const input = createInput({ ...shared, ref });
    const entry: Attached = {
      input,
      url,
      blocked: NOT_BLOCKED,
      reader: openStreamReader({
        url: () => entry.url,
        log: log.child({ input: ref.streamId }),
        onTag: (tag, info) => input.push(tag, info),
        onStreamStart: () => input.restart(),
        onFenced,
      }),
    };
    return entry;
  }

  #moveTo(entry: Attached, url: string | null): void {
    const moved = isElsewhere(entry.url, url);
    entry.url = url;
    if (moved) entry.reader.reconnect();
  }
}
