import type { Logger } from 'pino';
import type { Apps } from '../config/app.ts';
import type { RoomId } from '../domain/ids.ts';
import type { Blocked } from '../domain/room.ts';
import type { Secret } from '../domain/secret.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import type { MemberCheck } from '../rooms/members.ts';
import type { PublishAdmission } from '../rooms/registry-types.ts';
import type { HubLimits } from './limits.ts';

export interface HubDeps {
  readonly bind: string;
  /** 0: any free port. */
  readonly port: number;
  readonly apps: Apps;
  readonly clusterSecret: Secret;
  readonly log: Logger;
  readonly onEvent: (event: StreamEvent) => void;
  /** Lets a user into the room, or throws why not; the publisher is accepted after that. */
  readonly admit?: (request: PublishAdmission) => Promise<void>;
  /** The name belongs to a mix of that room: no user publishes under it. Must answer at once. */
  readonly isAgent?: (appId: number, room: RoomId, userId: string) => boolean;
  /** What of a user's stream nobody may hear or see. Must answer at once. */
  readonly blockOf?: (streamId: string) => Blocked;
  /** Who is in a room plays its streams; without it nobody is. */
  readonly isMember?: MemberCheck;
  readonly limits?: Partial<HubLimits>;
}

/** An open subscription; the sink's owner calls it when the peer went away. */
export interface Subscription {
  close(): void;
}
