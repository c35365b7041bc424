import type { Redis } from 'ioredis';
import type { Logger } from 'pino';

/** Hears Redis messages over one connection, which subscribes again by itself after an outage. */
export interface Announcements {
  /** Calls the listener with each message of that channel; returns the way to stop. */
  on(channel: string, listener: (message: string) => void): () => void;
  /** Calls the listener each time the connection is there: what was announced before may be missed. */
  onBack(listener: () => void): () => void;
  close(): void;
}

/** `subscriber` must be of purpose `subscriber`; it is ended by close(). */
export function createAnnouncements(subscriber: Redis, log: Logger): Announcements {
  const listeners = new Map<string, Set<(message: string) => void>>();
  const failed = (error: Error) => log.debug({ reason: error.message }, 'subscription');

  subscriber.on('message', (channel: string, message: string) => {
    for (const listener of listeners.get(channel) ?? []) {
      try {
        listener(message);
      } catch (error) {
        // Anybody may publish: what one listener cannot take ends neither the process nor the others' turn.
        log.warn({ err: error, channel }, 'a message could not be taken');
      }
    }
  });

  return {
    on(channel, listener) {
      const set = listeners.get(channel) ?? new Set();
      if (set.size === 0) {
        listeners.set(channel, set);
        subscriber.subscribe(channel).catch(failed);
      }
      // One entry per call, so that the same function can be given twice.
      const entry = (message: string) => listener(message);
      set.add(entry);
      return () => {
        if (!set.delete(entry) || set.size > 0) return;
        listeners.delete(channel);
        subscriber.unsubscribe(channel).catch(failed);
      };
    },
    onBack: (listener) => {
      const entry = () => listener();
      subscriber.on('ready', entry);
      return () => subscriber.off('ready', entry);
    },
    close() {
      listeners.clear();
      subscriber.disconnect();
    },
  };
}
