import type { z } from 'zod';
import { parseIntegerRoom, parseStringRoom, type RoomId } from '../../domain/ids.ts';
import type { OperatorDeps } from './deps.ts';
import type { roomQuerySchema } from './room-schemas.ts';
import { chooseApp } from './task-source.ts';

/** The room that `/rooms/:id` and its query name; throws `bad-room-id`, `bad-app-id`. */
export function roomOfPath(
  deps: OperatorDeps,
  id: string,
  { stringRoom, sdkAppId }: z.output<typeof roomQuerySchema>,
): { readonly appId: number; readonly room: RoomId } {
  const room = stringRoom === 'true' ? parseStringRoom(id) : parseIntegerRoom(id);
  return { appId: chooseApp(deps, sdkAppId), room };
}
