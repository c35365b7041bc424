import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { DEFAULT_GROUP_LIMITS, type GroupEvent, type GroupLimits } from '../domain/group.ts';
import { canonicalUser } from '../domain/ids.ts';
import type { Announcements } from '../queue/announcements.ts';
import { ATTEND, CATCH_UP, GROUP_EVENTS } from './group-scripts.ts';
import { createGroupStore, type GroupStore, type GroupUser } from './group-store.ts';
import { type GroupDelivery, LocalMembers, type UserKey } from './local-members.ts';
import { Questions } from './questions.ts';

/** Messaging groups of all apps; rooms know nothing of them, nor they of rooms. */
export interface Groups extends Omit<GroupStore, 'endUnused'> {
  /** This user is online here: its groups' events are delivered until the returned function is called. */
  attend(user: GroupUser): () => void;
  /** Calls the listener with each event for users who attend here; returns the way to stop. */
  follow(listener: (delivery: GroupDelivery) => void): () => void;
  close(): void;
}

export interface GroupsDeps {
  /** Of purpose `facts`. */
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly log: Logger;
  readonly limits?: GroupLimits;
  readonly now?: () => number;
}

const END_UNUSED_EVERY_MS = 10 * 60_000;

export function createGroups(deps: GroupsDeps): Groups {
  const { redis, announcements, log, limits = DEFAULT_GROUP_LIMITS, now = Date.now } = deps;
  const { endUnused, ...store } = createGroupStore({ redis, limits, now });
  const listeners = new Set<(delivery: GroupDelivery) => void>();
  const attending = new Map<UserKey, number>();
  const questions = new Questions(log);
  const answers = `roomcast:groups:answers:${randomBytes(9).toString('base64url')}`;
  const deliver = (delivery: GroupDelivery) => {
    for (const listener of listeners) listener(delivery);
  };
  const local = new LocalMembers({ deliver, missing: askGroup });

  function askUser(user: UserKey): void {
    questions.ask(`u ${user}`, async () => Number(await redis.eval(ATTEND, 0, answers, user)));
  }

  function askGroup(key: string): void {
    const seq = () => local.seqOf(key) ?? 0;
    questions.ask(`g ${key}`, async () => Number(await redis.eval(CATCH_UP, 0, answers, key, seq())));
  }

  function hearAnswer(line: string): void {
    const space = line.indexOf(' ', 2);
    const subject = line.slice(2, space);
    const answer: unknown = JSON.parse(line.slice(space + 1));
    questions.answered(line.slice(0, space));
    if (line.startsWith('u')) {
      local.learnUser(subject, answer as [groupId: string, seq: number][]);
      return;
    }
    const { seq, events } = answer as { readonly seq: number; readonly events: GroupEvent[] };
    local.learnGroup(subject, seq, events);
  }

  /** Events may have been missed, and Redis may have lost its data. */
  function askAll(): void {
    questions.askAgain();
    for (const key of local.groups()) askGroup(key);
    for (const user of local.users()) askUser(user);
  }

  // Whoever hears the answers hears the events too: they are subscribed in this order.
  const stops = [
    announcements.on(GROUP_EVENTS, (line) => local.hear(line)),
    announcements.on(answers, hearAnswer),
    announcements.onBack(askAll),
  ];
  const timer = setInterval(() => {
    endUnused().catch((error: Error) => log.debug({ reason: error.message }, 'unused groups not ended'));
  }, END_UNUSED_EVERY_MS);

  return {
    ...store,
    attend({ appId, userId }) {
      const user = `${appId}/${canonicalUser(userId)}`;
      attending.set(user, (attending.get(user) ?? 0) + 1);
      local.add(user);
      askUser(user);
      let isHere = true;
      return () => {
        if (!isHere) return;
        isHere = false;
        const left = (attending.get(user) ?? 1) - 1;
        if (left > 0) attending.set(user, left);
        else if (attending.delete(user)) local.remove(user);
      };
    },
    follow(listener) {
      const entry = (delivery: GroupDelivery) => listener(delivery);
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    close() {
      for (const stop of stops) stop();
      questions.close();
      clearInterval(timer);
    },
  };
}
