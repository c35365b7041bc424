import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { countCpuWait } from '../support/cpu-wait.ts';
import { readRunSeconds } from './process-cost.ts';
import type { Changes, CrowdSetting } from './rooms/crowd.ts';
import type { CrowdOrder, CrowdReport } from './rooms/crowd-process.ts';
import { readCollectedRssMb } from './rooms/inspected.ts';
import {
  builtFile,
  end,
  type Party,
  ROLE_NAMES,
  startGatewayParty,
  startPlainParty,
} from './rooms/parties.ts';

export interface RoomsBenchOptions {
  readonly users: number;
  readonly rooms: number;
  /** Changes a second. */
  readonly changes: number;
  readonly seconds: number;
}

export interface RoomsCost {
  readonly how: string;
  readonly loginsPerSecond: number;
  readonly entriesPerSecond: number;
  /** Changes a second, as they were asked for. */
  readonly changesPerSecond: number;
  /** Ms from a change's request to the last member of its room. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of the server while rooms changed, share of one core. */
  readonly cpuPercent: number;
  /** What the server's memory grew by, behind collections of garbage. */
  readonly kbPerUser: number;
  /** Event-loop delay of the clients while they measured, in ms: of that much the times are the clients' own. */
  readonly clientP99Ms: number;
  /** Seconds in a second for which servers and clients together stood ready and had no CPU. */
  readonly cpuWait: number;
}

export interface RoomsBench {
  readonly bench: 'rooms';
  readonly users: number;
  readonly rooms: number;
  readonly results: readonly RoomsCost[];
  readonly ratios: { readonly entries: number; readonly p99: number; readonly memory: number };
  readonly summary: string;
}

const CLIENT_PROCESSES = 2;
const P99_TARGET_MS = 100;
const KB_TARGET = 25;
/** Beyond these it is the machine that is measured. */
const CLIENT_DELAY_MS = 50;
const CPU_WAIT = 0.5;

/** A crowd in a process of its own; what it is told throws when it could not be done, or somebody saw what is wrong. */
class CrowdProcess {
  readonly #child: ChildProcess = fork(builtFile('crowd-process'), { stdio: 'inherit' });

  async tell(order: CrowdOrder): Promise<Changes | null> {
    const reported = once(this.#child, 'message') as Promise<[CrowdReport]>;
    const gone = once(this.#child, 'exit').then(() => {
      throw new Error('a process of clients has ended');
    });
    gone.catch(() => undefined); // it ends one day
    this.#child.send(order);
    const [{ error, changes, faults }] = await Promise.race([reported, gone]);
    if (error !== null || faults.length > 0) throw new Error([error, ...faults].filter(Boolean).join('; '));
    return changes;
  }

  end(): Promise<void> {
    return end(this.#child);
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function crowdSettings(party: Party, { users, rooms }: RoomsBenchOptions): CrowdSetting[] {
  const { url, sdkAppId, secretKey } = party;
  const all = Array.from({ length: rooms }, (_, index) => index + 1);
  return Array.from({ length: CLIENT_PROCESSES }, (_, index) => ({
    ...{ url, sdkAppId, secretKey, roleNames: ROLE_NAMES, keepsRooms: false, seed: index + 1 },
    // A room is whole in one process: its times are of one clock.
    rooms: all.filter((room) => room % CLIENT_PROCESSES === index),
    usersPerRoom: users / rooms,
  }));
}

async function perSecond(count: number, act: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now();
  await act();
  return count / ((performance.now() - beganAt) / 1000);
}

function toFigures(all: readonly Changes[]) {
  const latencies = all.flatMap((one) => one.latencies).sort((a, b) => a - b);
  const at = (share: number) => round(latencies[Math.floor((latencies.length - 1) * share)] ?? 0);
  return {
    changesPerSecond: round(all.reduce((sum, one) => sum + one.perSecond, 0)),
    ...{ p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) },
    clientP99Ms: round(Math.max(...all.map((one) => one.clientDelay.p99))),
  };
}

async function measure(start: () => Promise<Party>, options: RoomsBenchOptions): Promise<RoomsCost> {
  const { users, seconds } = options;
  const party = await start();
  const crowds: CrowdProcess[] = [];
  try {
    const rssMb = () => readCollectedRssMb(party.pid, party.logs);
    const settings = crowdSettings(party, options);
    for (const setting of settings) {
      const crowd = new CrowdProcess();
      crowds.push(crowd);
      await crowd.tell({ type: 'open', setting });
    }
    const all = (order: CrowdOrder) => Promise.all(crowds.map((crowd) => crowd.tell(order)));
    const idleMb = await rssMb();
    const loginsPerSecond = Math.round(await perSecond(users, () => all({ type: 'logIn' })));
    const entriesPerSecond = Math.round(await perSecond(users, () => all({ type: 'enter' })));
    const cpuBefore = await readRunSeconds(party.pid);
    const waitedMs = countCpuWait();
    const setting = { perSecond: options.changes / crowds.length, seconds };
    const changes = await all({ type: 'change', setting });
    const cpuWait = round(waitedMs() / 1000 / seconds);
    const cpuSeconds = (await readRunSeconds(party.pid)) - cpuBefore;
    const kbPerUser = (((await rssMb()) - idleMb) * 1024) / users;
    return {
      ...{ how: party.how, loginsPerSecond, entriesPerSecond },
      ...toFigures(changes.filter((one) => one !== null)),
      ...{ cpuPercent: round((cpuSeconds / seconds) * 100), kbPerUser: round(kbPerUser) },
      cpuWait,
    };
  } finally {
    await Promise.all(crowds.map((crowd) => crowd.end()));
    await party.stop();
  }
}

function summaryOf(roomcast: RoomsCost, plain: RoomsCost): string {
  const { p99Ms, kbPerUser } = roomcast;
  const lines = [
    `to the last member: p99 ${p99Ms} ms (target ${P99_TARGET_MS}), ${kbPerUser} kB a user (target ${KB_TARGET})`,
  ];
  for (const { how, clientP99Ms, cpuWait } of [roomcast, plain]) {
    if (clientP99Ms <= CLIENT_DELAY_MS && cpuWait <= CPU_WAIT) continue;
    const why = `clients themselves ${clientP99Ms} ms late (p99), ${cpuWait} s in a second without a CPU`;
    lines.push(`this machine was too busy to judge the times of ${how}: ${why}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Users in rooms that change, at one gateway, and the same traffic at a server that is nothing but `ws`. */
export async function runRoomsBench(options: RoomsBenchOptions): Promise<RoomsBench> {
  const { users, rooms } = options;
  if (users % rooms !== 0 || users / rooms < 3) throw new Error('every room has the same users, 3 at least');
  const plain = await measure(startPlainParty, options);
  const roomcast = await measure(startGatewayParty, options);
  const ratios = {
    entries: round(roomcast.entriesPerSecond / plain.entriesPerSecond),
    p99: round(roomcast.p99Ms / plain.p99Ms),
    memory: round(roomcast.kbPerUser / plain.kbPerUser),
  };
  const summary = summaryOf(roomcast, plain);
  return { bench: 'rooms', users, rooms, results: [roomcast, plain], ratios, summary };
}
