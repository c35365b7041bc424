import { setPriority } from 'node:os';

/** Scheduling of a programme's processes, as nice values. */
export interface Priorities {
  /** Decoders whose pictures are shown. */
  readonly decoder: number;
  /** Decoders that still work through a kept GOP, faster than real time. */
  readonly catchingUp: number;
}

const PRIVILEGED: Priorities = { decoder: 0, catchingUp: 5 };
/** Without privilege a child cannot be raised again, so all decoders stand a little behind the encoder. */
const PLAIN: Priorities = { decoder: 3, catchingUp: 3 };
const OWN_NICE = -5;

/** Puts this process, and the encoder that inherits it, before its decoders: above all others where allowed. */
export function raiseOwnPriority(): Priorities {
  try {
    setPriority(OWN_NICE);
    return PRIVILEGED;
  } catch {
    return PLAIN; // needs root or CAP_SYS_NICE
  }
}
