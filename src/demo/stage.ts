import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { openApi } from '../cli/api-client.ts';
import { chooseLocalApp, readLocalApps } from '../cli/local-apps.ts';
import type { App } from '../config/app.ts';
import { GatewayError } from '../domain/errors.ts';
import { publishUrl } from '../domain/publish-request.ts';
import { signUserSig } from '../identity/user-sig.ts';
import type { Cleanup } from './cleanup.ts';
import { createDemoControl, type DemoControl } from './demo-control.ts';
import { type NginxRtmp, startNginxRtmp } from './nginx-rtmp.ts';
import { DEMO_USERS, startDemoPublisher } from './publishers.ts';
import { type RoomcastProcess, startRoomcastProcess } from './roomcast-process.ts';

export interface DemoOptions {
  readonly seconds: number;
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly hurry: AbortSignal;
  readonly log: Logger;
  readonly say: (line: string) => void;
  readonly isTerminal: boolean;
}

/** Everything that runs while the demo does. */
export interface Stage extends DemoOptions {
  readonly nginx: NginxRtmp;
  readonly roomcast: RoomcastProcess;
  readonly control: DemoControl;
}

export const ROOM = 1001;
const GUEST = 'you';
/** nginx application and stream key of each target. */
export const TARGETS = [
  { application: 'platform', key: 'first' },
  { application: 'backup', key: 'second' },
] as const;
const SIG_SECONDS = 24 * 3600;
const STOP_STEP_MS = 1500;

function publishUrlOf(app: App, rtmpUrl: string, userId: string) {
  const { sdkAppId, secretKey } = app;
  const userSig = signUserSig({
    secretKey,
    sdkAppId,
    userId,
    expireSeconds: SIG_SECONDS,
    nowMs: Date.now(),
  });
  const room = { kind: 'number', value: ROOM } as const;
  return publishUrl({ rtmpUrl, appId: sdkAppId, room, userId, userSig, kind: 'main' });
}

async function stopRoomcast(roomcast: RoomcastProcess): Promise<void> {
  const code = await roomcast.stop();
  if (code === 0) return;
  throw new GatewayError('child-failed', `roomcast did not end in order: exit code ${code ?? 'none'}`, {
    blame: 'system',
  });
}

/** Starts servers and publishers; what it started is in `cleanup`, also when it throws. */
export async function openStage(options: DemoOptions, cleanup: Cleanup): Promise<Stage> {
  const { script, env, signal, hurry, log } = options;
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-demo-'));
  cleanup.add(() => rm(dir, { recursive: true, force: true }));
  options.say('starting a local nginx-rtmp as the live platform, and roomcast on free ports ...');
  const nginx = await startNginxRtmp({
    applications: TARGETS.map(({ application }) => application),
    record: true,
  });
  cleanup.add(() => nginx.stop());
  const dataDir = join(dir, 'data');
  const roomcast = await startRoomcastProcess({ script, dataDir, env, signal, hurry });
  cleanup.add(() => stopRoomcast(roomcast));
  const app = chooseLocalApp(await readLocalApps(dataDir), undefined);
  for (const user of DEMO_USERS) {
    const { url } = publishUrlOf(app, roomcast.rtmp, user.userId);
    const publisher = startDemoPublisher(user, url, log);
    cleanup.add(() => publisher.stop(STOP_STEP_MS));
  }
  const guest = publishUrlOf(app, roomcast.rtmp, GUEST);
  options.say(`join with OBS: server ${guest.obsServer}`);
  options.say(`                  key ${guest.obsKey}`);
  const control = createDemoControl(await openApi({ env: roomcast.env, signal }));
  return { ...options, nginx, roomcast, control };
}
