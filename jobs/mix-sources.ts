import { type RoomId, roomKey } from '../src/domain/ids.ts';
import { otherRooms } from '../src/domain/own-room.ts';
import type { ProgrammeSpec } from '../src/domain/programme.ts';
import type { Task, TaskSource } from '../src/domain/task.ts';
import type { SourceInput, Sources } from '../src/media/programme/protocol.ts';
import type { JobContext } from './job-context.ts';
import { inputsOfOtherRoom, type KnownStreams, mixInputs } from './mix-inputs.ts';
import { streamTicket } from './stream-address.ts';

export type MixTask = Task & { readonly source: Extract<TaskSource, { type: 'mix' }> };

/** Tickets live five minutes; the child gets new ones well before, for its next reconnect. */
const RENEW_EVERY_MS = 60_000;
/** A gateway may come back on another port: asked this often, beside being told of changes of room and task. */
const LOCATE_EVERY_MS = 1000;

export function isMix(task: Task | null): task is MixTask {
  return task?.source.type === 'mix';
}

/** Reads the facts and says where everything is, with fresh tickets. */
export function createSourceFinder(context: JobContext, task: MixTask): () => Promise<Sources> {
  const { facts } = context;
  const { appId } = task;
  const known = new Map<string, KnownStreams>();

  async function located(room: RoomId, input: Omit<SourceInput, 'url'>): Promise<SourceInput> {
    const { streamId } = input;
    const holder = await facts.locateStream({ appId, room, streamId });
    const ticket = streamTicket(context, streamId, 'read');
    return { ...input, url: holder && `${holder.internalHttp}/internal/flv/${streamId}?ticket=${ticket}` };
  }

  async function inputsOf(room: RoomId): Promise<Omit<SourceInput, 'url'>[]> {
    const key = roomKey(appId, room);
    const streams = known.get(key) ?? new Map();
    known.set(key, streams);
    return mixInputs(await facts.getRoom(appId, room), streams);
  }

  async function inputsOfOthers({ layout }: ProgrammeSpec): Promise<SourceInput[]> {
    const rooms = otherRooms(layout).map(async (room) => {
      const named = inputsOfOtherRoom(layout, room, await inputsOf(room));
      return Promise.all(named.map((input) => located(room, input)));
    });
    return (await Promise.all(rooms)).flat();
  }

  return async () => {
    const [inputs, gateway, latest] = await Promise.all([
      inputsOf(task.room),
      facts.locateRoom(appId, task.room),
      facts.getTask(task.taskId),
    ]);
    const { source, revision } = isMix(latest) ? latest : task;
    const own = await Promise.all(inputs.map((input) => located(task.room, input)));
    const ticket = streamTicket(context, task.streamId, 'publish');
    return {
      publishUrl: gateway && `${gateway.internalRtmp}/internal/${task.streamId}?ticket=${ticket}`,
      inputs: [...own, ...(await inputsOfOthers(source.programme))],
      programme: source.programme,
      programmeRevision: revision,
    };
  };
}

/** What makes an update worth sending: everything but the tickets. */
function outline(sources: Sources): string {
  const bare = (url: string | null): string | null => url && (url.split('?')[0] ?? null);
  return JSON.stringify([
    bare(sources.publishUrl),
    sources.inputs.map((input) => [input.streamId, bare(input.url), input.blocked]),
    sources.programme,
  ]);
}

/** Watches the rooms that are shown, as they come and go with the layout. */
function watchRooms(context: JobContext, task: MixTask, trigger: () => void) {
  const own = context.facts.watchRoom(task.appId, task.room, trigger);
  const others = new Map<string, () => void>();
  return {
    follow(programme: ProgrammeSpec): void {
      const rooms = new Map(otherRooms(programme.layout).map((room) => [roomKey(task.appId, room), room]));
      for (const [key, unwatch] of others) {
        if (rooms.has(key)) continue;
        unwatch();
        others.delete(key);
      }
      for (const [key, room] of rooms) {
        if (!others.has(key)) others.set(key, context.facts.watchRoom(task.appId, room, trigger));
      }
    },
    stop(): void {
      own();
      for (const unwatch of others.values()) unwatch();
    },
  };
}

/** Tells the listener of every change of the sources, and of fresh tickets from time to time. */
export function followSources(
  context: JobContext,
  task: MixTask,
  find: () => Promise<Sources>,
  listener: (sources: Sources) => void,
): () => void {
  let last = '';
  let sentAt = 0;
  let looking = false;
  let again = false;
  let stopped = false;
  async function look(): Promise<void> {
    again = looking;
    if (looking) return;
    looking = true;
    try {
      do {
        again = false;
        const sources = await find();
        if (stopped) return;
        rooms.follow(sources.programme);
        const next = outline(sources);
        if (next === last && Date.now() - sentAt < RENEW_EVERY_MS) continue;
        last = next;
        sentAt = Date.now();
        listener(sources);
      } while (again);
    } catch (error) {
      context.log.warn({ err: error }, 'facts of the room cannot be read; the programme goes on');
    } finally {
      looking = false;
    }
  }
  const trigger = (): void => void look();
  const rooms = watchRooms(context, task, trigger);
  const unhear = context.onUpdate(trigger);
  const timer = setInterval(trigger, LOCATE_EVERY_MS);
  return () => {
    stopped = true;
    rooms.stop();
    unhear();
    clearInterval(timer);
  };
}
