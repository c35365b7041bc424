/** What a soak is given: where its lines go and what ends it early. */
export interface SoakContext {
  say(line: string): void;
  readonly signal: AbortSignal;
}

/** What every soak answers; nothing in `broken` means that every bound held. */
export interface SoakReport {
  readonly soak: string;
  readonly seconds: number;
  /** Sentences. */
  readonly broken: readonly string[];
}

/** A context without a terminal: for the short forms among the tests. */
export function quietContext(): SoakContext {
  return { say: () => undefined, signal: new AbortController().signal };
}

/** Said for each bound that does not hold. */
export function brokenBounds(bounds: readonly (readonly [boolean, string])[]): string[] {
  return bounds.flatMap(([holds, sentence]) => (holds ? [] : [sentence]));
}
