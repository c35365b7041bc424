import { inspect } from 'node:util';

const HIDDEN = '[hidden]';

/** A text that prints as `[hidden]` wherever it is logged, inspected or serialised; `reveal()` gives it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}
