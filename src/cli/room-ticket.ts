import type { App } from '../config/app.ts';
import type { RoomId } from '../domain/ids.ts';
import { ALL_RIGHTS } from '../domain/ticket-rights.ts';
import { signPrivateMapKey } from '../identity/private-map-key.ts';
import { UsageError } from './command.ts';
import { parseCount } from './options.ts';

/** Options of commands that make room tickets. */
export const ticketOptions = {
  'private-map-key': { type: 'boolean', default: false },
  rights: { type: 'string' },
} as const;

export const ticketHelp = [
  '--private-map-key a PrivateMapKey for that room with it, as good for as long',
  '--rights N        what it allows, added up, 255 (all) by default: 1 create the room, 2 enter it,',
  '                  4 send audio, 8 receive audio, 16 send video, 32 receive video, 64 and 128 the screen',
];

interface TicketValues {
  readonly 'private-map-key'?: boolean;
  readonly rights?: string | undefined;
}

/** The bits of `--rights`; throws UsageError. */
export function parseRights(values: TicketValues): number {
  if (values.rights === undefined) return ALL_RIGHTS;
  if (values['private-map-key'] !== true)
    throw new UsageError('--rights is there with --private-map-key only');
  const rights = parseCount('--rights', values.rights);
  if (rights < 1 || rights > ALL_RIGHTS) throw new UsageError(`--rights is 1 to ${ALL_RIGHTS}`);
  return rights;
}

/** The PrivateMapKey of a user for a room. */
export function roomTicket(
  app: App,
  user: { readonly userId: string; readonly expireSeconds: number; readonly nowMs: number },
  ticket: { readonly room: RoomId; readonly rights: number },
): string {
  const { secretKey, sdkAppId } = app;
  return signPrivateMapKey({ secretKey, sdkAppId, ...user, ...ticket });
}
