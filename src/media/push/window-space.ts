/** Memory for bytes that nobody needs any more when the next ones are made. */
export interface WindowSpace {
  /** Valid until release(). */
  take(length: number): Buffer;
  /** What was taken stays as it is: other memory is used from now on. */
  keep(): void;
  /** What was taken may be written over. */
  release(): void;
}

/** Windows of usual streams fit; what is longer gets memory of its own. */
const SPACE_BYTES = 512 * 1024;

export function createWindowSpace(): WindowSpace {
  let memory: Buffer | null = null;
  let used = 0;
  return {
    take(length) {
      if (length > SPACE_BYTES - used) return Buffer.allocUnsafeSlow(length);
      memory ??= Buffer.allocUnsafeSlow(SPACE_BYTES);
      used += length;
      return memory.subarray(used - length, used);
    },
    keep() {
      memory = null;
      used = 0;
    },
    release() {
      used = 0;
    },
  };
}
