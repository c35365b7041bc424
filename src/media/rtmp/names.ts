import { lookup as lookUp } from 'node:dns';
import type { LookupFunction } from 'node:net';

/** Every address of a name, as `dns.lookup` gives them. */
export type LookUpAll = (
  host: string,
  options: Parameters<LookupFunction>[1] & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly Address[]) => void,
) => void;

interface Address {
  readonly address: string;
  readonly family: number;
}

/** A look-up that lasts longer has a name server that does not answer. */
const SLOW_MS = 2000;
const MAX_KNOWN = 1000;

/** Which error says that nobody could be asked, not that there is no such name. */
const NOBODY_ASKED = 'EAI_AGAIN';

/**
 * Look-ups of names for all connections of a process. The system's block a few threads, for up to half a minute where
 * name servers are silent: those for one name at a time are one, and a name that had addresses before keeps them
 * while its servers are slow or silent.
 */
export function createNames({
  lookUpAll = lookUp as LookUpAll,
  slowMs = SLOW_MS,
  maxKnown = MAX_KNOWN,
}: {
  readonly lookUpAll?: LookUpAll;
  readonly slowMs?: number;
  readonly maxKnown?: number;
} = {}): LookupFunction {
  const known = new Map<string, readonly Address[]>();
  const running = new Map<string, Promise<readonly Address[]>>();

  function remember(host: string, addresses: readonly Address[]): void {
    known.delete(host);
    known.set(host, addresses);
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
  }

  function ask(host: string, options: Parameters<LookupFunction>[1]): Promise<readonly Address[]> {
    const asked = running.get(host);
    if (asked !== undefined) return asked;
    const answer = new Promise<readonly Address[]>((resolve, reject) => {
      lookUpAll(host, { ...options, all: true }, (error, addresses) => {
        running.delete(host);
        if (error) return reject(error);
        remember(host, addresses);
        resolve(addresses);
      });
    });
    running.set(host, answer);
    return answer;
  }

  async function find(host: string, options: Parameters<LookupFunction>[1]): Promise<readonly Address[]> {
    const before = known.get(host);
    const answer = ask(host, options);
    if (before === undefined) return answer;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<readonly Address[]>((resolve) => {
      timer = setTimeout(resolve, slowMs, before);
    });
    const orBefore = answer.catch((error: NodeJS.ErrnoException) => {
      if (error.code === NOBODY_ASKED) return before;
      throw error;
    });
    return Promise.race([orBefore, late]).finally(() => clearTimeout(timer));
  }

  return (host, options, callback) => {
    find(host, options).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, [...addresses]);
        else callback(null, first?.address ?? '', first?.family ?? 0);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}
