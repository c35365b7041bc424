import type { Logger } from 'pino';

/** Asks Redis for something that is answered in the stream of events; answers how many heard the answer. */
type Question = () => Promise<number>;

/** What Redis could not be asked is asked again after this. */
const RETRY_MS = 500;

/** Questions that are asked again until they are answered. */
export class Questions {
  readonly #open = new Map<string, Question>();
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;

  constructor(log: Logger) {
    this.#log = log;
  }

  ask(subject: string, question: Question): void {
    if (this.#open.has(subject)) return;
    this.#open.set(subject, question);
    this.#put(question);
  }

  answered(subject: string): void {
    this.#open.delete(subject);
  }

  /** The answers that were under way are lost. */
  askAgain(): void {
    for (const question of this.#open.values()) this.#put(question);
  }

  close(): void {
    this.#open.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #put(question: Question): void {
    question().then(
      // Nobody heard: this process has the connection for its questions, and not yet the one for the answers.
      (heard) => {
        if (heard === 0) this.#later();
      },
      (error: Error) => {
        this.#log.debug({ reason: error.message }, 'groups not asked');
        this.#later();
      },
    );
  }

  #later(): void {
    if (this.#open.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.askAgain();
    }, RETRY_MS);
  }
}
