import { z } from 'zod';
import { GatewayError } from '../domain/errors.ts';
import { PLAIN_ROLE } from '../domain/role-name.ts';
import { TERMINALS } from '../domain/terminal.ts';
import type { App, AppSettings } from './app.ts';

const MAX_ROLES = 64;
const ROLE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

export const roleNameSchema = z
  .string()
  .regex(ROLE_NAME, 'has 1 to 32 letters, digits, underscores or hyphens, a letter or digit first');

const side = z.int().min(16).max(7680);

/** What a client encodes with. */
const encoderParametersSchema = z.strictObject({
  width: side,
  height: side,
  fps: z.int().min(1).max(120),
  bitrateKbps: z.int().min(32).max(100_000),
  gopSeconds: z.number().min(0.5).max(10).default(2).meta({ description: 'from key frame to key frame' }),
  audioBitrateKbps: z.int().min(16).max(512).default(128),
});

const platforms = TERMINALS.map((name) => [name, encoderParametersSchema.exactOptional()] as const);

/** One role: encoder parameters by platform, `default` for those that are not listed. */
export const roleSchema = z.strictObject({
  default: encoderParametersSchema,
  ...(Object.fromEntries(platforms) as Record<
    (typeof TERMINALS)[number],
    z.ZodExactOptional<typeof encoderParametersSchema>
  >),
});

/** What may be changed while an app runs; each can be left out. */
export const settingsShape = {
  playback: z
    .enum(['public', 'token'])
    .exactOptional()
    .meta({ description: 'who may watch mixes: anyone, or holders of a ticket' }),
  privateMapKeyRequired: z
    .boolean()
    .exactOptional()
    .meta({ description: 'everyone who enters a room needs a PrivateMapKey' }),
  roles: z
    .record(roleNameSchema, roleSchema)
    .refine((roles) => Object.keys(roles).length <= MAX_ROLES, `has at most ${MAX_ROLES} roles`)
    .exactOptional()
    .meta({ description: 'encoder parameters by role name and platform' }),
  defaultRole: roleNameSchema
    .exactOptional()
    .meta({ description: 'for who names no role, or one that is not there' }),
};

/** What differs from apps.json, as it is stored. */
const changeSchema = z.strictObject(settingsShape);
export type SettingsChange = z.output<typeof changeSchema>;

/** What an operator asks for: null is what apps.json says. */
export const settingsPatchSchema = z.strictObject({
  playback: settingsShape.playback.nullable(),
  privateMapKeyRequired: settingsShape.privateMapKeyRequired.nullable(),
  roles: settingsShape.roles.nullable(),
  defaultRole: settingsShape.defaultRole.nullable(),
});

/** The change with a patch put over it. */
export function patchChange(
  change: SettingsChange,
  patch: z.output<typeof settingsPatchSchema>,
): SettingsChange {
  const entries = Object.entries({ ...change, ...patch }).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as SettingsChange;
}

/** What was stored or is to be; throws `bad-request` for what this version does not know. */
export function readStoredChange(json: string): SettingsChange {
  const parsed = changeSchema.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new GatewayError('bad-request', problems.join('; '));
}

/** The app with its settings changed; throws `bad-request` when they do not fit together. */
export function changeSettings(app: App, change: SettingsChange): App {
  const changed = { ...app, ...change };
  const problem = problemOfSettings(changed);
  if (problem !== null) throw new GatewayError('bad-request', problem);
  return changed;
}

/** What does not fit together in settings that are each right by themselves; null: nothing. */
export function problemOfSettings({ roles, defaultRole }: AppSettings): string | null {
  if (defaultRole === PLAIN_ROLE || Object.hasOwn(roles, defaultRole)) return null;
  return 'defaultRole is not among the roles';
}
