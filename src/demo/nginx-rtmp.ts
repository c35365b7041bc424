import { type ChildProcess, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../domain/errors.ts';

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
  /** Ms nginx has to come up; 10 by default. */
  readonly startTimeoutMs?: number;
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
  /** What nginx wrote to its error log. */
  errorLog(): Promise<string>;
  /** Ends nginx and removes its folder, unless the recordings are to be kept. */
  stop(options?: { readonly keepFiles?: boolean }): Promise<void>;
}

/** Where distributions put the module; Debian's libnginx-mod-rtmp is the first. */
const MODULE_PATHS = [
  '/usr/lib/nginx/modules/ngx_rtmp_module.so',
  '/usr/lib64/nginx/modules/ngx_rtmp_module.so',
  '/usr/local/lib/nginx/modules/ngx_rtmp_module.so',
];

// nginx is fed by no stdin: sh waits for the end of ours, which comes however the parent dies.
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3 >/dev/null; kill -TERM $child 2>/dev/null; } &
watcher=$!
exec 3<&-
wait $child
code=$?
kill $watcher 2>/dev/null
exit $code
`;

async function findModule(): Promise<string> {
  for (const path of MODULE_PATHS) {
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

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
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

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function startGuarded(dir: string): ChildProcess {
  const argv = ['-c', GUARD, 'nginx-guard', 'nginx', '-p', dir, '-e', join(dir, 'error.log')];
  return spawn('sh', [...argv, '-c', join(dir, 'nginx.conf')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
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

async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => ''); // not written yet
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.stdin?.end();
  const deadline = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(deadline);
}

/** Runs a local nginx-rtmp on free loopback ports in a temporary folder; throws tool-missing or child-failed. */
export async function startNginxRtmp(options: NginxRtmpOptions): Promise<NginxRtmp> {
  const modulePath = await findModule();
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-nginx-'));
  await mkdir(join(dir, 'recordings'));
  await mkdir(join(dir, 'tmp'));
  const rtmpPort = options.port ?? (await freePort());
  const places: Places = { dir, modulePath, rtmpPort, httpPort: await freePort() };
  await writeFile(join(dir, 'nginx.conf'), configText(options, places));

  const child = startGuarded(dir);
  let gone = false;
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  }).then(() => {
    gone = true;
  });
  const end = Date.now() + (options.startTimeoutMs ?? 10_000);
  while (!(await accepts(places.httpPort)) || !(await accepts(rtmpPort))) {
    if (gone || Date.now() > end) {
      await stopChild(child, exited);
      const log = await readOrEmpty(join(dir, 'error.log'));
      await rm(dir, { recursive: true, force: true });
      throw new GatewayError('child-failed', `nginx did not start: ${log.trim().slice(-500)}`, {
        blame: 'system',
      });
    }
    await delay(20);
  }

  const sessions = async () => parseSessions(await readOrEmpty(join(dir, 'publish.log')));
  const sessionTimes = async (application: string, key: string) =>
    (await sessions()).filter((session) => session.application === application && session.key === key);
  return {
    pid: Number(await readFile(join(dir, 'nginx.pid'), 'utf8')),
    port: rtmpPort,
    recordingDir: join(dir, 'recordings'),
    rtmpUrl: (application, key) => `rtmp://127.0.0.1:${rtmpPort}/${application}/${key}`,
    sessions,
    sessionTimes,
    publishSessions: async (application, key) => (await sessionTimes(application, key)).length,
    livePublishers: async () => {
      const answer = await fetch(`http://127.0.0.1:${places.httpPort}/stat`);
      // Stream and client both carry the mark: count the clients.
      const clients = (await answer.text()).match(/<client>.*?<\/client>/gs) ?? [];
      return clients.filter((client) => client.includes('<publishing/>')).length;
    },
    errorLog: () => readOrEmpty(join(dir, 'error.log')),
    stop: async ({ keepFiles = false } = {}) => {
      await stopChild(child, exited);
      if (!keepFiles) await rm(dir, { recursive: true, force: true });
    },
  };
}
