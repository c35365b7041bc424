import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Cluster } from '../../support/cluster.ts';
import { makeTestDir } from '../../support/roomcast.ts';
import { INSPECT } from './inspected.ts';

/** A server that is measured, alone in its process. */
export interface Party {
  readonly how: string;
  readonly pid: number;
  readonly url: string;
  readonly sdkAppId: number;
  readonly secretKey: string;
  logs(): string;
  stop(): Promise<void>;
}

export const ROLE_NAMES: readonly string[] = ['hd', 'sd'];
const APP_ID = 1_400_000_001;
const ENCODER = { width: 1280, height: 720, fps: 30, bitrateKbps: 2500 };

async function makeDataDir(secretKey: string): Promise<string> {
  const dataDir = await makeTestDir('rooms');
  const roles = Object.fromEntries(ROLE_NAMES.map((name) => [name, { default: ENCODER }]));
  const app = { sdkAppId: APP_ID, name: 'crowd', secretKey, apiKeys: [], roles, defaultRole: ROLE_NAMES[0] };
  const text = JSON.stringify({ apps: [app], adminToken: randomBytes(32).toString('hex') });
  await writeFile(path.join(dataDir, 'apps.json'), text, { mode: 0o600 });
  return dataDir;
}

/** One gateway against a Redis of its own, as `roomcast gateway` runs it. */
export async function startGatewayParty(): Promise<Party> {
  const secretKey = randomBytes(32).toString('hex');
  const dataDir = await makeDataDir(secretKey);
  const cluster = await Cluster.open({ NODE_OPTIONS: INSPECT, ROOMCAST_LOG_LEVEL: 'info' });
  const stop = async () => {
    await cluster.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const { http, pid, logs } = await cluster.startGateway(dataDir);
    const url = `${http.replace('http', 'ws')}/ws`;
    return { how: 'roomcast', pid, url, sdkAppId: APP_ID, secretKey, logs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `ws` and nothing else. */
export async function startPlainParty(): Promise<Party> {
  const child = fork(builtFile('plain-server'), {
    execArgv: [INSPECT],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let logs = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    logs += text;
  });
  const early = once(child, 'exit').then(() => Promise.reject(new Error(`the server ended:\n${logs}`)));
  early.catch(() => undefined); // it ends one day
  const [{ port }] = (await Promise.race([once(child, 'message'), early])) as [{ port: number }];
  return {
    how: 'bare ws',
    pid: child.pid ?? 0,
    url: `ws://127.0.0.1:${port}`,
    sdkAppId: APP_ID,
    secretKey: randomBytes(32).toString('hex'),
    logs: () => logs,
    stop: () => end(child),
  };
}

/** A file beside this one, as the bench runs it. */
export function builtFile(name: string): string {
  return path.join(import.meta.dirname, `${name}.js`);
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
