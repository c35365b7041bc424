import type { ProgrammeJson } from '../api/operator/programme-schema.ts';
import { sameUser } from '../domain/ids.ts';
import { UsageError } from './command.ts';
import { parseCount, parseUserOption } from './options.ts';

export const SOUND_OPTIONS = {
  mute: { type: 'string', multiple: true },
  unmute: { type: 'string', multiple: true },
  allow: { type: 'string', multiple: true },
  'allow-all': { type: 'boolean' },
  level: { type: 'string', multiple: true },
} as const;

interface SoundValues {
  readonly mute?: string[] | undefined;
  readonly unmute?: string[] | undefined;
  readonly allow?: string[] | undefined;
  readonly 'allow-all'?: boolean | undefined;
  readonly level?: string[] | undefined;
}

type Sound = NonNullable<ProgrammeJson['sound']>;
type User = NonNullable<Sound['allow']>[number];

/** Options name users of the task's own room; what is said of other rooms' users stays. */
function isNamed(user: User, names: readonly string[]): boolean {
  return user.room === undefined && names.some((name) => sameUser(name, user.userId));
}

function parseLevel(text: string): { userId: string; level: number } {
  const match = /^([^=]+)=(.+)$/.exec(text);
  if (!match) throw new UsageError('--level is like ann=50');
  const [, user = '', level = ''] = match;
  return { userId: parseUserOption('--level', user), level: parseCount('--level', level) };
}

function parseUsers(option: string, names: readonly string[] = []): string[] {
  return names.map((name) => parseUserOption(option, name));
}

function mutedOf(values: SoundValues, present: readonly User[] = []): readonly User[] {
  const muted = parseUsers('--mute', values.mute);
  const kept = present.filter((user) => !isNamed(user, [...parseUsers('--unmute', values.unmute), ...muted]));
  return [...kept, ...muted.map((userId) => ({ userId }))];
}

/** Whose sound is mixed after these options, undefined when they say nothing; throws UsageError. */
export function soundOf(values: SoundValues, present: Sound = {}): Sound | undefined {
  const { mute, unmute, allow, level } = values;
  const allowAll = values['allow-all'] === true;
  if (allow && allowAll) throw new UsageError('--allow and --allow-all do not go together');
  if (![mute, unmute, allow, level].some((given) => given !== undefined) && !allowAll) return undefined;
  const levels = (level ?? []).map(parseLevel);
  const names = levels.map(({ userId }) => userId);
  return {
    ...(mute || unmute ? { block: [...mutedOf(values, present.block)] } : {}),
    ...(allow ? { allow: parseUsers('--allow', allow).map((userId) => ({ userId })) } : {}),
    ...(allowAll ? { allow: [] } : {}),
    ...(level
      ? { levels: [...(present.levels ?? []).filter((user) => !isNamed(user, names)), ...levels] }
      : {}),
  };
}
