import { z } from 'zod';
import { PLAIN_ROLE } from '../domain/role-name.ts';
import { TERMINALS } from '../domain/terminal.ts';
import type { AppSettings } from './app.ts';

const MAX_ROLES = 64;
const ROLE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

const roleNameSchema = z
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
const roleSchema = z.strictObject({
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

/** What does not fit together in settings that are each right by themselves; null: nothing. */
export function problemOfSettings({ roles, defaultRole }: AppSettings): string | null {
  if (defaultRole === PLAIN_ROLE || Object.hasOwn(roles, defaultRole)) return null;
  return 'defaultRole is not among the roles';
}
