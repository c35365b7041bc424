import { parseAppOption, parseRoomOptions } from './options.ts';

/** Options that say which room is meant. */
export const ROOM_OPTIONS = {
  room: { type: 'string' },
  'string-room': { type: 'boolean', default: false },
  app: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** `/rooms/R`, or what is below it, with the query that makes it the room meant; throws UsageError. */
export function roomPath(
  values: {
    readonly room?: string | undefined;
    readonly 'string-room': boolean;
    readonly app?: string | undefined;
  },
  below = '',
): string {
  const room = parseRoomOptions(values);
  const sdkAppId = parseAppOption(values.app);
  const query = new URLSearchParams({
    ...(room.kind === 'string' ? { stringRoom: 'true' } : {}),
    ...(sdkAppId === undefined ? {} : { sdkAppId: String(sdkAppId) }),
  });
  return `/rooms/${encodeURIComponent(room.value)}${below}${query.size === 0 ? '' : `?${query}`}`;
}
