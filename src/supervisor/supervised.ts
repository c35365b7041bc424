import { parseToGateway, type ToGateway } from './messages.ts';
import type { ParentLink } from './parent-link.ts';

/** What a gateway knows from the supervisor that started it. */
export interface Supervised {
  /** Nobody else uses that Redis, so apps.json on disk is the truth and all workers are on this machine. */
  readonly embeddedRedis: boolean;
  /** As last told. */
  workerReady(): boolean;
}

/** Hears the supervisor's hello, which comes at once, and what it says afterwards. */
export function followSupervisor(link: Pick<ParentLink, 'onMessage'>): Promise<Supervised> {
  let workerReady = false;
  return new Promise((resolve) => {
    const hear = (message: ToGateway) => {
      if (message.type === 'worker') workerReady = message.ready;
      else {
        workerReady = message.workerReady;
        resolve({ embeddedRedis: message.redis === 'embedded', workerReady: () => workerReady });
      }
    };
    link.onMessage((raw) => {
      const message = parseToGateway(raw);
      if (message !== null) hear(message);
    });
  });
}
