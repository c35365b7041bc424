import type { CallbackEvent } from '../domain/callback/callback.ts';
import {
  NOT_TOLD,
  type RelayProgress,
  type RelayStep,
  relayChanged,
  relayErrorFields,
  relayWaited,
} from '../domain/callback/relay-progress.ts';
import {
  type PushStatus,
  parseJobKey,
  type StoredJobStatus,
  type TargetState,
  type TargetStatus,
} from '../domain/job.ts';
import type { RelayTask, Task } from '../domain/task.ts';

/** A target went to a state; `url` has its key hidden, `error` says why when something went wrong. */
interface TargetMove {
  readonly targetId: string;
  readonly url: string;
  readonly to: TargetState;
  readonly error: TargetStatus['lastError'];
}

/** An app's own server is told how the targets of a relay fare, as TRTC tells it: event 401. */
export interface RelayCallbacks {
  changed(move: TargetMove): void;
  /** Call it about every second: some of what lasts is told again. */
  tick(): void;
}

export interface RelayCallbacksDeps {
  readonly task: Pick<RelayTask, 'appId' | 'room' | 'taskId' | 'agentUserId' | 'targets'>;
  /** What a run before this one left: targets that it had on the air will recover, or are gone from the task. */
  readonly leftBehind: PushStatus | null;
  readonly send: (event: CallbackEvent) => void;
  /** Unix ms. */
  readonly now: () => number;
}

const RELAY_EVENT = 401;

interface Told {
  readonly url: string;
  readonly progress: RelayProgress;
  /** Receivers sort by it: it grows with each event of a target. */
  readonly lastAt: number;
}

export function createRelayCallbacks(deps: RelayCallbacksDeps): RelayCallbacks {
  const { task, send, now } = deps;
  const targets = new Map<string, Told>();
  function info(
    url: string,
    at: number,
    { status, error }: RelayStep['told'][number],
  ): CallbackEvent['info'] {
    return {
      RoomId: task.room.value,
      RoomType: task.room.kind === 'number' ? 0 : 1,
      EventMsTs: at,
      UserId: task.agentUserId,
      TaskId: task.taskId,
      Payload: { Url: url, Status: status, ...relayErrorFields(error) },
    };
  }

  function tell(targetId: string, before: Told, { progress, told }: RelayStep): void {
    let { lastAt } = before;
    for (const one of told) {
      lastAt = Math.max(now(), lastAt + 1);
      const { appId, taskId } = task;
      send({ appId, lane: taskId, group: 4, type: RELAY_EVENT, info: info(before.url, lastAt, one) });
    }
    targets.set(targetId, { ...before, progress, lastAt });
  }

  function changed({ targetId, url, to, error }: TargetMove): void {
    const before = targets.get(targetId) ?? { url, progress: NOT_TOLD, lastAt: 0 };
    tell(targetId, before, relayChanged(before.progress, { to, error }, now()));
    if (to === 'stopped') targets.delete(targetId);
  }

  for (const { targetId, url, state, sessions } of deps.leftBehind?.targets ?? []) {
    // One that was on the air before is not connecting but recovering.
    const way: TargetState[] = sessions > 0 ? ['live', state] : [state];
    const step = (progress: RelayProgress, to: TargetState) =>
      relayChanged(progress, { to, error: null }, now()).progress;
    targets.set(targetId, { url, progress: way.reduce(step, NOT_TOLD), lastAt: 0 });
    if (!task.targets.some(({ id }) => id === targetId))
      changed({ targetId, url, to: 'stopped', error: null });
  }

  return {
    changed,
    tick() {
      for (const [id, before] of targets) tell(id, before, relayWaited(before.progress, now()));
    },
  };
}

/** Tells apps of relays that have ended while no worker ran them; `left` are the last statuses, by their job's key. */
export async function tellRelayEnds(deps: {
  readonly left: ReadonlyMap<string, StoredJobStatus>;
  readonly getTasks: (taskIds: readonly string[]) => Promise<readonly Task[]>;
  readonly send: (event: CallbackEvent) => void;
  /** Unix ms. */
  readonly now: () => number;
}): Promise<void> {
  const pushes = [...deps.left].flatMap(([key, { status }]) => {
    const job = parseJobKey(key);
    return status.kind === 'push' && job !== null ? [[job.id, status] as const] : [];
  });
  if (pushes.length === 0) return;
  const statuses = new Map(pushes);
  for (const task of await deps.getTasks([...statuses.keys()])) {
    const leftBehind = statuses.get(task.taskId);
    if (task.kind !== 'relay' || task.endedAt === null || leftBehind === undefined) continue;
    createRelayCallbacks({ ...deps, task: { ...task, targets: [] }, leftBehind });
  }
}
