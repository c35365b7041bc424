import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { DEFAULT_GROUP_LIMITS, type GroupEvent, type GroupLimits } from '../../../src/domain/group.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { GroupUser } from '../../../src/groups/group-store.ts';
import { createGroups, type Groups } from '../../../src/groups/groups.ts';
import { createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import type { TestRedis } from '../../support/redis.ts';

/** A gateway as groups know it: connections of its own, and what it delivered to each user who attends. */
export interface GroupGateway {
  readonly groups: Groups;
  readonly redis: Redis;
  /** Its connection for announcements, to be cut. */
  readonly subscriber: Redis;
  /** The user attends; whatever happens from now on, at any gateway, is behind that. */
  attend(user: GroupUser): Promise<() => void>;
  /** What a user got here, as `<groupId> <seq> <what>`. */
  seen(user: GroupUser): readonly string[];
  close(): void;
}

const log = pino({ level: 'silent' });

/** The app and the user of a name such as `1/alice`. */
export function userOf(name: string): GroupUser {
  const [app = '', userId = ''] = name.split('/');
  return { appId: Number(app), userId };
}

/** One event in a word. */
export function wordOf(event: GroupEvent): string {
  if (event.type === 'message') return `${event.userId}: ${event.text}`;
  return event.type === 'group-ended' ? 'ended' : `${event.userId} ${event.type.slice('member-'.length)}`;
}

export async function startGroupGateway(
  server: TestRedis,
  limits: Partial<GroupLimits> = {},
): Promise<GroupGateway> {
  const redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  const subscriber = createRedis(new Secret(server.url), { purpose: 'subscriber', log });
  await waitUntilReady(redis);
  const announcements = createAnnouncements(subscriber, log);
  const groups = createGroups({ redis, announcements, log, limits: { ...DEFAULT_GROUP_LIMITS, ...limits } });
  await subscriber.ping(); // it stands behind the subscriptions
  const seen = new Map<string, string[]>();
  const nameOf = (appId: number, userId: string) => `${appId}/${userId.toLowerCase()}`;
  groups.follow(({ appId, groupId, users, event }) => {
    for (const userId of users) {
      const name = nameOf(appId, userId);
      seen.set(name, [...(seen.get(name) ?? []), `${groupId} ${event.seq} ${wordOf(event)}`]);
    }
  });
  return {
    groups,
    redis,
    subscriber,
    async attend(user) {
      const goes = groups.attend(user);
      await redis.ping(); // it stands behind the question
      return goes;
    },
    seen: ({ appId, userId }) => seen.get(nameOf(appId, userId)) ?? [],
    close() {
      groups.close();
      announcements.close();
      redis.disconnect();
    },
  };
}
