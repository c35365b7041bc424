import { parseStreamId, type RoomId, roomKey, type StreamKind, streamId } from './ids.ts';
import type { SourceRequest } from './new-task.ts';
import type { ProgrammeSpec } from './programme.ts';
import type { RetryChange } from './push/retry-change.ts';
import type { RoomFacts } from './room.ts';
import type { Secret } from './secret.ts';
import type { AutoMark, RecordFormat, Task } from './task.ts';

interface AutoRule {
  /** Room ids, in which `*` stands for any text. */
  readonly rooms: readonly string[];
  readonly maxIdleSeconds: number;
}

/** Which streams, or rooms' mixes, of an app are pushed by themselves. */
export interface AutoRelay extends AutoRule {
  readonly of: 'stream' | 'mix';
  /** Destinations with `{roomId}`, `{userId}` and `{streamId}`; they hold keys. */
  readonly to: readonly Secret[];
  /** Of a mix. */
  readonly programme: ProgrammeSpec;
}

/** What of an app's rooms is recorded by itself. */
export interface AutoRecord extends AutoRule {
  readonly mode: 'mixed' | 'single';
  readonly formats: readonly RecordFormat[];
  /** Of a mix. */
  readonly programme: ProgrammeSpec;
}

/** What of one app goes on the air by itself. */
export interface AutoSettings {
  readonly appId: number;
  /** How its pushes are retried, where that is not the default. */
  readonly retry?: RetryChange;
  readonly relay?: AutoRelay;
  readonly record?: AutoRecord;
}

/** A task that is to run while somebody publishes what it reads. */
export interface AutoWish {
  readonly auto: AutoMark;
  readonly appId: number;
  readonly room: RoomId;
  /** The user whose stream it is, or as whom the mix is published. */
  readonly userId: string;
  readonly streamId: string;
  readonly source: SourceRequest;
  readonly maxIdleSeconds: number;
  /** Streams on the air, of which one is enough. */
  readonly wokenBy: readonly string[];
  readonly work: AutoWork;
}

type AutoWork =
  | { readonly kind: 'relay'; readonly to: readonly Secret[]; readonly retry: RetryChange | undefined }
  | { readonly kind: 'record'; readonly formats: readonly RecordFormat[] };

/** All automatic mixes of a room are one, under a name that is known before it is there. */
export const AUTO_AGENT = 'mix_auto';

const PLACEHOLDER = /\{(\w+)\}/g;
const NAMES = ['roomId', 'userId', 'streamId'] as const;
type PlaceholderName = (typeof NAMES)[number];

/** The placeholders of a destination; those that are none of ours too. */
export function placeholdersOf(template: string): readonly string[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

export function isPlaceholder(name: string): name is PlaceholderName {
  return (NAMES as readonly string[]).includes(name);
}

/** The destination with its placeholders filled in, URL-escaped. */
export function fillDestination(
  template: string,
  { room, userId, streamId: stream }: Pick<AutoWish, 'room' | 'userId' | 'streamId'>,
): string {
  const values = { roomId: String(room.value), userId, streamId: stream };
  return template.replace(PLACEHOLDER, (all, name: string) =>
    isPlaceholder(name) ? encodeURIComponent(values[name]) : all,
  );
}

/** Whether the room is one of those; of a room 7 and a room "7" both are meant. */
export function matchesRoom(patterns: readonly string[], { value }: RoomId): boolean {
  const text = String(value);
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`).test(text);
  });
}

/** Names one session of what a task is for; who stopped it there does not want it there again. */
export function autoSession({ key, since }: AutoMark): string {
  return `${key}@${since}`;
}

const SESSION = /^\w+\/(.+)@(\d+)$/;

/** Whether the session of the room that an autoSession names is over; `rooms` by roomKey. */
export function isSessionOver(session: string, rooms: ReadonlyMap<string, RoomFacts>): boolean {
  const [, stream = '', since = ''] = SESSION.exec(session) ?? [];
  const name = parseStreamId(stream);
  return name === null || rooms.get(roomKey(name.appId, name.room))?.createdAt !== Number(since);
}

interface Stream {
  readonly userId: string;
  readonly kind: StreamKind;
  readonly streamId: string;
}

function wish(facts: RoomFacts, of: Stream | 'mix', rule: AutoRelay | AutoRecord, work: AutoWork): AutoWish {
  const { appId, room, createdAt, users } = facts;
  const common = { appId, room, maxIdleSeconds: rule.maxIdleSeconds, work };
  if (of !== 'mix') {
    const { userId, kind: stream, streamId: id } = of;
    const auto = { key: `${work.kind}/${id}`, since: createdAt };
    return {
      ...common,
      auto,
      userId,
      streamId: id,
      source: { type: 'single', userId, stream },
      wokenBy: [id],
    };
  }
  const userId = AUTO_AGENT;
  const mix = streamId({ appId, room, userId, kind: 'main' });
  return {
    ...common,
    auto: { key: `${work.kind}/${mix}`, since: createdAt },
    userId,
    streamId: mix,
    source: { type: 'mix', programme: rule.programme, agentUserId: userId },
    wokenBy: users.flatMap((user) => user.streams.map((stream) => stream.streamId)),
  };
}

function streamsOf({ users }: RoomFacts): readonly Stream[] {
  return users.flatMap(({ userId, streams }) => streams.map((stream) => ({ ...stream, userId })));
}

/** Camera and screen of a user must not meet at one address: a screen needs one that tells them apart. */
function destinationsFor(to: readonly Secret[], { kind }: Stream): readonly Secret[] {
  return kind === 'main' ? to : to.filter((one) => placeholdersOf(one.reveal()).includes('streamId'));
}

function relayWishes(
  facts: RoomFacts,
  relay: AutoRelay,
  retry: RetryChange | undefined,
): readonly AutoWish[] {
  if (relay.of === 'mix') return [wish(facts, 'mix', relay, { kind: 'relay', to: relay.to, retry })];
  return streamsOf(facts).flatMap((stream) => {
    const to = destinationsFor(relay.to, stream);
    return to.length === 0 ? [] : [wish(facts, stream, relay, { kind: 'relay', to, retry })];
  });
}

function recordWishes(facts: RoomFacts, record: AutoRecord): readonly AutoWish[] {
  const work = { kind: 'record', formats: record.formats } as const;
  if (record.mode === 'mixed') return [wish(facts, 'mix', record, work)];
  return streamsOf(facts).map((stream) => wish(facts, stream, record, work));
}

/** What its app wants to run for a room as it is now. */
export function autoWishes({ relay, record, retry }: AutoSettings, facts: RoomFacts): readonly AutoWish[] {
  if (streamsOf(facts).length === 0) return [];
  return [
    ...(relay && matchesRoom(relay.rooms, facts.room) ? relayWishes(facts, relay, retry) : []),
    ...(record && matchesRoom(record.rooms, facts.room) ? recordWishes(facts, record) : []),
  ];
}

/**
 * The wishes for which a task is to be made: none runs for it, and none was stopped by somebody in this session of
 * the room (`stopped` holds autoSession of those). Mixes are no reason for anything.
 */
export function missingWishes(
  wishes: readonly AutoWish[],
  running: readonly Task[],
  stopped: ReadonlySet<string>,
): readonly AutoWish[] {
  const present = new Set(running.map((task) => task.auto?.key));
  const mixes = new Set(running.filter(({ source }) => source.type === 'mix').map((task) => task.streamId));
  return wishes.filter(
    ({ auto, wokenBy }) =>
      !present.has(auto.key) && !stopped.has(autoSession(auto)) && wokenBy.some((id) => !mixes.has(id)),
  );
}
