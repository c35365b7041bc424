import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NGINX_RTMP_MODULES } from '../doctor/machine-findings.ts';
import { GatewayError } from '../domain/errors.ts';
import { type KeptChild, killKept, spawnKept } from '../supervisor/kept-child.ts';
import { freeLoopbackPort, listensOnLoopback } from '../supervisor/loopback.ts';

export interface NginxRtmpApplication {
  readonly name: string;
  /** FLV file of every session in recordingDir. */
  readonly record?: boolean;
  /** Every stream key is refused. */
  readonly refuse?: boolean;
  /** rtmp:// URLs nginx relays every stream to. */
  readonly push?: readonly string[];
}

export interface NginxRtmpOptions {
  /** A name alone is an application without extras. */
  readonly applications: readonly (NginxRtmpApplication | string)[];
  /** Records every application. */
  readonly record?: boolean;
  readonly port?: number;
}

/** One publishing session as nginx announced it. */
export interface NginxRtmpSession {
  readonly application: string;
  readonly key: string;
  readonly startedAt: number;
  /** null while it is on the air. */
  readonly endedAt: number | null;
}

export interface NginxRtmp {
  readonly pid: number;
  readonly port: number;
  readonly recordingDir: string;
  rtmpUrl(application: string, key: string): string;
  /** Every publishing session that was begun, in order. */
  sessions(): Promise<readonly NginxRtmpSession[]>;
  /** The sessions of one key, in order. */
  sessionTimes(application: string, key: string): Promise<readonly NginxRtmpSession[]>;
  /** How many sessions one key has had. */
  publishSessions(application: string, key: string): Promise<number>;
  /** Publishing sessions on the air now. */
  livePublishers(): Promise<number>;
  /** Bodies of sound and picture that every stream of the application on the air has got so far, by key. */
  receivedBytes(application: string): Promise<ReadonlyMap<string, number>>;
  /** What nginx wrote to its error log. */
  errorLog(): Promise<string>;
  /** Ends nginx and removes its folder, unless the recordings are to be kept. */
  stop(options?: { readonly keepFiles?: boolean }): Promise<void>;
}

const START_MS = 30_000;

async function findModule(): Promise<string> {
  for (const path of NGINX_RTMP_MODULES) {
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new GatewayError(
    'tool-missing',
    'nginx has no RTMP module: install nginx-light and libnginx-mod-rtmp',
    {
      blame: 'system',
    },
  );
}

interface Places {
  readonly dir: string;
  readonly rtmpPort: number;
  readonly httpPort: number;
  readonly modulePath: string;
}

function applicationBlock(app: NginxRtmpApplication, places: Places): string {
  const calls = `http://127.0.0.1:${places.httpPort}`;
  const lines = ['live on;', `on_publish ${calls}/${app.refuse ? 'refuse' : 'accept'};`];
  lines.push(`on_publish_done ${calls}/accept;`);
  if (app.record) lines.push('record all;', `record_path ${places.dir}/recordings;`, 'record_unique on;');
  for (const url of app.push ?? []) lines.push(`push ${url};`);
  return `application ${app.name} { ${lines.join(' ')} }`;
}

function applications(options: NginxRtmpOptions): NginxRtmpApplication[] {
  return options.applications.map((app) => ({
    ...(options.record ? { record: true } : {}),
    ...(typeof app === 'string' ? { name: app } : app),
  }));
}

function configText(options: NginxRtmpOptions, places: Places): string {
  const { dir } = places;
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${dir}/tmp/${name};`)
    .join(' ');
  return `
load_module ${places.modulePath};
daemon off; master_process off; pid ${dir}/nginx.pid; error_log ${dir}/error.log info;
events { worker_connections 1024; }
rtmp {
  access_log ${dir}/rtmp.log;
  server {
    listen 127.0.0.1:${places.rtmpPort}; chunk_size 4096; notify_method get;
    ${applications(options)
      .map((app) => applicationBlock(app, places))
      .join('\n    ')}
  }
}
http {
  log_format call '$msec $request_uri'; ${temp}
  server {
    listen 127.0.0.1:${places.httpPort}; access_log off;
    location = /accept { access_log ${dir}/publish.log call; return 200; }
    location = /refuse { access_log ${dir}/refused.log call; return 403; }
    location = /stat { rtmp_stat all; }
  }
}
`;
}

/** Sessions from the calls nginx made at their begin and end; nginx numbers its clients. */
function parseSessions(log: string): NginxRtmpSession[] {
  const sessions = new Map<string, NginxRtmpSession>();
  for (const line of log.split('\n')) {
    const [seconds, uri] = line.split(' ');
    if (!seconds || !uri) continue;
    const query = new URL(uri, 'http://nginx').searchParams;
    const client = query.get('clientid') ?? '';
    const at = Math.round(Number(seconds) * 1000);
    const begun = sessions.get(client);
    if (query.get('call') === 'publish') {
      const application = query.get('app') ?? '';
      sessions.set(client, { application, key: query.get('name') ?? '', startedAt: at, endedAt: null });
    } else if (begun) {
      sessions.set(client, { ...begun, endedAt: at });
    }
  }
  return [...sessions.values()];
}

/** By stream, from what the statistics say of one application. */
function parseReceived(statistics: string, application: string): ReadonlyMap<string, number> {
  const [live = ''] = statistics
    .split(/<application>\s*<name>/)
    .filter((text) => text.startsWith(`${application}<`));
  const streams = live.matchAll(/<stream>\s*<name>([^<]*)<\/name>.*?<bytes_in>(\d+)<\/bytes_in>/gs);
  return new Map(Array.from(streams, ([, key = '', bytes]) => [key, Number(bytes)]));
}

async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => ''); // not written yet
}

async function stopChild(child: KeptChild, exited: Promise<void>): Promise<void> {
  child.stdin.end();
  const deadline = setTimeout(() => killKept(child), 5000);
  await exited;
  clearTimeout(deadline);
}

/** Resolves with its pid when both ports answer, with null when it ended or the time is over. */
async function untilUp(places: Places, exited: Promise<void>, timeoutMs: number): Promise<number | null> {
  let gone = false;
  void exited.then(() => {
    gone = true;
  });
  const end = performance.now() + timeoutMs;
  while (!gone && performance.now() < end) {
    // It listens first and writes its pid then.
    const pid = Number(await readOrEmpty(join(places.dir, 'nginx.pid')));
    if (pid > 0 && (await listensOnLoopback(places.httpPort)) && (await listensOnLoopback(places.rtmpPort)))
      return pid;
    await delay(20);
  }
  return null;
}

/** Runs a local nginx-rtmp on free loopback ports in a temporary folder; throws tool-missing or child-failed. */
export async function startNginxRtmp(options: NginxRtmpOptions): Promise<NginxRtmp> {
  const modulePath = await findModule();
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-nginx-'));
  await mkdir(join(dir, 'recordings'));
  await mkdir(join(dir, 'tmp'));
  const rtmpPort = options.port ?? (await freeLoopbackPort());
  const places: Places = { dir, modulePath, rtmpPort, httpPort: await freeLoopbackPort() };
  await writeFile(join(dir, 'nginx.conf'), configText(options, places));

  const child = spawnKept('nginx', ['-p', dir, '-e', join(dir, 'error.log'), '-c', join(dir, 'nginx.conf')]);
  child.stderr.resume(); // what matters is in its error log
  const exited = once(child, 'exit').then(
    () => undefined,
    () => undefined, // the shell could not be started: gone as well
  );
  const pid = await untilUp(places, exited, START_MS);
  if (pid === null) {
    await stopChild(child, exited);
    const log = await readOrEmpty(join(dir, 'error.log'));
    await rm(dir, { recursive: true, force: true });
    const message = `nginx did not start: ${log.trim().slice(-500)}`;
    throw new GatewayError('child-failed', message, { blame: 'system' });
  }

  const statistics = async () => (await fetch(`http://127.0.0.1:${places.httpPort}/stat`)).text();
  const sessions = async () => parseSessions(await readOrEmpty(join(dir, 'publish.log')));
  const sessionTimes = async (application: string, key: string) =>
    (await sessions()).filter((session) => session.application === application && session.key === key);
  return {
    pid,
    port: rtmpPort,
    recordingDir: join(dir, 'recordings'),
    rtmpUrl: (application, key) => `rtmp://127.0.0.1:${rtmpPort}/${application}/${key}`,
    sessions,
    sessionTimes,
    publishSessions: async (application, key) => (await sessionTimes(application, key)).length,
    receivedBytes: async (application) => parseReceived(await statistics(), application),
    livePublishers: async () => {
      // Stream and client both carry the mark: count the clients.
      const clients = (await statistics()).match(/<client>.*?<\/client>/gs) ?? [];
      return clients.filter((client) => client.includes('<publishing/>')).length;
    },
    errorLog: () => readOrEmpty(join(dir, 'error.log')),
    stop: async ({ keepFiles = false } = {}) => {
      await stopChild(child, exited);
      if (!keepFiles) await rm(dir, { recursive: true, force: true });
    },
  };
}
