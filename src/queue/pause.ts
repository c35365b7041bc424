/** The pause of a loop, which others may end early. One wait at a time. */
export class Pause {
  #end: () => void = () => undefined;

  /** Resolves after so many ms, or when it is ended. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Does nothing while nobody waits: the next wait is a whole one. */
  end(): void {
    this.#end();
  }
}
