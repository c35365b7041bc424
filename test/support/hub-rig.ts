import type { AddressInfo } from 'node:net';
import { type Logger, pino } from 'pino';
import { createHttpServer } from '../../src/api/http-server.ts';
import { registerFlvRoutes } from '../../src/api/playback/flv.ts';
import { createWsFlv } from '../../src/api/playback/ws-flv.ts';
import { attachUpgrades } from '../../src/api/upgrades.ts';
import { type App, type Apps, DEFAULT_APP_SETTINGS } from '../../src/config/app.ts';
import { parseIntegerRoom, type RoomId, type StreamKind } from '../../src/domain/ids.ts';
import { publishUrl } from '../../src/domain/publish-request.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { StreamEvent } from '../../src/domain/stream-event.ts';
import { signTicket } from '../../src/identity/tickets.ts';
import { signUserSig } from '../../src/identity/user-sig.ts';
import { createHub, type Hub } from '../../src/ingest/hub.ts';
import type { HubLimits } from '../../src/ingest/limits.ts';

export const APP_ID = 1400000001;
export const OTHER_APP_ID = 1400000002;

function app(sdkAppId: number, key: string): App {
  return {
    sdkAppId,
    name: 'test',
    secretKey: new Secret(key),
    apiKeys: [],
    accountType: 0,
    ...DEFAULT_APP_SETTINGS,
  };
}

export const APPS: Apps = {
  apps: [app(APP_ID, 'a'.repeat(64)), app(OTHER_APP_ID, 'b'.repeat(64))],
  adminToken: new Secret('admin'),
};
export const CLUSTER_SECRET = new Secret('cluster secret of a test');

export interface UserUrl {
  readonly user: string;
  readonly room?: RoomId;
  readonly kind?: StreamKind;
  readonly appId?: number;
  readonly expireSeconds?: number;
}

/** The query of a user's publish URL with a good UserSig. */
export function userSig({ user, appId = APP_ID, expireSeconds = 600 }: UserUrl): string {
  const secretKey = APPS.apps.find((one) => one.sdkAppId === appId)?.secretKey ?? new Secret('');
  return signUserSig({ secretKey, sdkAppId: appId, userId: user, expireSeconds, nowMs: Date.now() });
}

/** A worker's or viewer's ticket that is good for a minute. */
export function ticket(
  use: 'publish' | 'read' | 'play',
  stream: string,
  run?: { task: string; epoch: number },
) {
  return signTicket(CLUSTER_SECRET, { use, stream, expires: Math.floor(Date.now() / 1000) + 60, ...run });
}

export interface LogLine {
  readonly msg: string;
  readonly code?: string;
}

/** A hub and its playback routes on free loopback ports. */
export class HubRig {
  readonly hub: Hub;
  /** Comings and goings. */
  readonly events: StreamEvent[];
  readonly logLines: LogLine[];
  /** User ids of mixes, in whatever room. */
  readonly agents = new Set<string>();
  readonly http: string;
  readonly rtmp: string;
  readonly httpPort: number;
  readonly #close: () => Promise<void>;

  private constructor(parts: {
    hub: Hub;
    events: StreamEvent[];
    logLines: LogLine[];
    httpPort: number;
    close: () => Promise<void>;
  }) {
    this.hub = parts.hub;
    this.events = parts.events;
    this.logLines = parts.logLines;
    this.httpPort = parts.httpPort;
    this.http = `http://127.0.0.1:${parts.httpPort}`;
    this.rtmp = `rtmp://127.0.0.1:${parts.hub.port}`;
    this.#close = parts.close;
  }

  static async open(limits: Partial<HubLimits> = {}): Promise<HubRig> {
    const logLines: LogLine[] = [];
    const log: Logger = pino(
      {},
      { write: (line: string) => void logLines.push(JSON.parse(line) as LogLine) },
    );
    const events: StreamEvent[] = [];
    const onEvent = (event: StreamEvent) => void (event.type !== 'carries' && events.push(event));
    const hub = await createHub({
      ...{ bind: '127.0.0.1', port: 0, apps: APPS, clusterSecret: CLUSTER_SECRET },
      ...{ log, onEvent, limits },
      isAgent: (_appId, _room, userId) => rig.agents.has(userId),
    });
    const server = createHttpServer({ log });
    registerFlvRoutes(server, { hub });
    const wsFlv = createWsFlv({ hub });
    const upgrades = attachUpgrades(server.server, [wsFlv.handle]);
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port: httpPort } = server.server.address() as AddressInfo;
    const close = async () => {
      upgrades.close();
      wsFlv.close();
      await server.close();
      await hub.close();
    };
    const rig: HubRig = new HubRig({ hub, events, logLines, httpPort, close });
    return rig;
  }

  publishUrl(options: UserUrl): string {
    const { user, room = parseIntegerRoom('1001'), kind = 'main', appId = APP_ID } = options;
    return publishUrl({ rtmpUrl: this.rtmp, appId, room, userId: user, userSig: userSig(options), kind }).url;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
