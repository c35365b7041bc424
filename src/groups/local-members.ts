import { type GroupEvent, groupKey, parseGroupKey } from '../domain/group.ts';
import { canonicalUser } from '../domain/ids.ts';

/** An event and who of those that attend here is to see it. */
export interface GroupDelivery {
  readonly appId: number;
  readonly groupId: string;
  /** Canonical. */
  readonly users: readonly string[];
  readonly event: GroupEvent;
}

interface LocalGroup {
  /** Of the last event that was delivered or that came before its first member here. */
  seq: number;
  readonly users: Set<string>;
}

export interface LocalMembersDeps {
  readonly deliver: (delivery: GroupDelivery) => void;
  /** Some of its events are missing: CATCH_UP is to be asked. */
  readonly missing: (key: string) => void;
}

/** `<appId>/<canonical user>`. */
export type UserKey = string;

/**
 * Which users who attend here are in which groups, kept by reading the one stream of events, in which the answers to
 * questions about it have their place too: so it is exact at each event, whatever happens at the same moment.
 */
export class LocalMembers {
  readonly #deps: LocalMembersDeps;
  readonly #users = new Map<UserKey, Set<string>>();
  readonly #groups = new Map<string, LocalGroup>();

  constructor(deps: LocalMembersDeps) {
    this.#deps = deps;
  }

  add(user: UserKey): void {
    if (!this.#users.has(user)) this.#users.set(user, new Set());
  }

  remove(user: UserKey): void {
    for (const key of this.#users.get(user) ?? []) this.#part(user, key);
    this.#users.delete(user);
  }

  users(): readonly UserKey[] {
    return [...this.#users.keys()];
  }

  /** Keys of all groups with users here. */
  groups(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** The seq of its last event that is known here, else null. */
  seqOf(key: string): number | null {
    return this.#groups.get(key)?.seq ?? null;
  }

  /** Takes in `<m|c> <groupKey> <event>`; of what concerns nobody here nothing is parsed. */
  hear(line: string): void {
    const space = line.indexOf(' ', 2);
    const key = line.slice(2, space);
    const group = this.#groups.get(key);
    if (group === undefined && line.startsWith('m')) return;
    const event = JSON.parse(line.slice(space + 1)) as GroupEvent;
    if (group === undefined || event.seq === group.seq + 1) this.#apply(key, event);
    else if (event.seq > group.seq) this.#deps.missing(key);
  }

  /** What Redis says of a user who attends: all of its groups, and where these are. */
  learnUser(user: UserKey, groups: readonly (readonly [groupId: string, seq: number])[]): void {
    const mine = this.#users.get(user);
    if (mine === undefined) return;
    const { appId } = parseGroupKey(user);
    const keys = new Set(groups.map(([groupId]) => groupKey(appId, groupId)));
    for (const key of mine) if (!keys.has(key)) this.#part(user, key);
    for (const [groupId, seq] of groups) {
      const key = groupKey(appId, groupId);
      const group = this.#groups.get(key);
      if (group !== undefined && group.seq < seq) this.#deps.missing(key);
      this.#meet(user, key, seq);
    }
  }

  /** What was missed of a group; `seq` 0 says that there is none any more. */
  learnGroup(key: string, seq: number, events: readonly GroupEvent[]): void {
    const group = this.#groups.get(key);
    if (group === undefined) return;
    if (seq < group.seq) {
      this.#apply(key, { type: 'group-ended', seq: group.seq + 1, at: Date.now() });
      return;
    }
    for (const event of events.toSorted((a, b) => a.seq - b.seq)) {
      if (event.seq > group.seq) this.#apply(key, event);
    }
    group.seq = seq;
  }

  #apply(key: string, event: GroupEvent): void {
    const { appId, groupId } = parseGroupKey(key);
    const who = event.type === 'member-joined' || event.type === 'member-left' ? event.userId : null;
    const changed = who === null ? null : `${appId}/${canonicalUser(who)}`;
    if (changed !== null && event.type === 'member-joined') this.#meet(changed, key, event.seq);
    if (changed !== null && event.type === 'member-left') this.#part(changed, key);
    const group = this.#groups.get(key);
    if (group === undefined) return;
    group.seq = event.seq;
    const users = [...group.users].map((user) => parseGroupKey(user).groupId);
    if (event.type === 'group-ended') for (const user of [...group.users]) this.#part(user, key);
    this.#deps.deliver({ appId, groupId, users, event });
  }

  #meet(user: UserKey, key: string, seq: number): void {
    const mine = this.#users.get(user);
    if (mine === undefined) return;
    const group = this.#groups.get(key) ?? { seq, users: new Set<string>() };
    this.#groups.set(key, group);
    group.users.add(user);
    mine.add(key);
  }

  #part(user: UserKey, key: string): void {
    this.#users.get(user)?.delete(key);
    const group = this.#groups.get(key);
    group?.users.delete(user);
    if (group?.users.size === 0) this.#groups.delete(key);
  }
}
