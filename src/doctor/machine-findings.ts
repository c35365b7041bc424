import { access, constants, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { type RunFacts, readRunFile } from '../config/run-file.ts';
import {
  encodesHere,
  probeFfmpeg,
  REQUIRED_ENCODERS,
  workingHardwareEncoders,
} from '../media/ffmpeg/capabilities.ts';

export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  /** Without it `start` does not work. */
  readonly needed: boolean;
  readonly found: string;
  /** What to do; null when there is nothing to do. */
  readonly advice: string | null;
}

export interface ExamineOptions {
  readonly config: Config;
  readonly searchPath: string;
  readonly nodeVersion: string;
  readonly log: Logger;
}

const MIN_NODE = { major: 20, minor: 19 };
/** An hour of one recorded 720p programme is about 1.2 GB. */
const MIN_FREE_BYTES = 2 * 1024 ** 3;
const GIB = 1024 ** 3;

/** Where distributions put nginx's RTMP module; Debian's libnginx-mod-rtmp is the first. scripts/setup.sh has the same. */
export const NGINX_RTMP_MODULES = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/opt/homebrew/lib'].map(
  (dir) => `${dir}/nginx/modules/ngx_rtmp_module.so`,
);

/** Looks at what roomcast needs of this machine; never throws for what it finds. */
export async function examineMachine(options: ExamineOptions): Promise<Finding[]> {
  const { config } = options;
  const running = await readRunFile(config.dataDir).catch(() => null); // a damaged one tells nothing
  const ports = { bind: config.bind, running };
  return [
    nodeFinding(options.nodeVersion),
    await ffmpegFinding(options.log),
    await videoEncoderFinding(config, options.log),
    await redisFinding(config, options.searchPath),
    await nginxFinding(options.searchPath),
    await portFinding('ROOMCAST_HTTP_PORT', config.http.port, ports),
    await portFinding('ROOMCAST_RTMP_PORT', config.rtmp.port, ports),
    await diskFinding(config.dataDir),
  ];
}

function finding(what: string, needed: boolean, found: string, advice: string | null = null): Finding {
  return { what, ok: advice === null, needed, found, advice };
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const fit = major > MIN_NODE.major || (major === MIN_NODE.major && minor >= MIN_NODE.minor);
  return finding('node', true, version, fit ? null : 'Install Node 20.19 or newer');
}

async function ffmpegFinding(log: Logger): Promise<Finding> {
  try {
    const { version, encoders } = await probeFfmpeg(log);
    const missing = REQUIRED_ENCODERS.filter((name) => !encoders.has(name));
    const advice = missing.length > 0 ? `Install an ffmpeg with ${missing.join(' and ')}` : null;
    return finding('ffmpeg', true, version, advice);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return finding('ffmpeg', true, found, 'Install it: apt-get install ffmpeg');
  }
}

/** Which encoders really encode here, whatever ffmpeg was built with. */
async function videoEncoderFinding({ videoEncoder }: Config, log: Logger): Promise<Finding> {
  try {
    const software = (await encodesHere('libx264', log)) ? ['libx264'] : [];
    const working = [...software, ...(await workingHardwareEncoders(log))];
    const found = working.length > 0 ? `${working.join(', ')} work` : 'none works';
    const fits = videoEncoder === 'auto' || working.includes(videoEncoder);
    const advice = `${videoEncoder} (ROOMCAST_VIDEO_ENCODER) does not encode here: mixes use libx264 instead`;
    return finding('video encoders', false, found, fits ? null : advice);
  } catch (error) {
    return finding('video encoders', false, error instanceof Error ? error.message : String(error));
  }
}

async function redisFinding(config: Config, searchPath: string): Promise<Finding> {
  if (config.redisUrl !== null) return finding('redis', true, 'ROOMCAST_REDIS_URL is set');
  const path = await findProgram('redis-server', searchPath);
  const advice = 'Install it (apt-get install redis-server) or set ROOMCAST_REDIS_URL';
  return finding('redis-server', true, path ?? 'not on the PATH', path === null ? advice : null);
}

async function nginxFinding(searchPath: string): Promise<Finding> {
  const nginx = await findProgram('nginx', `${searchPath}${delimiter}/usr/sbin`);
  const modules = await Promise.all(NGINX_RTMP_MODULES.map((path) => isReadable(path)));
  const advice = 'Only the demo needs it: apt-get install nginx-light libnginx-mod-rtmp';
  if (nginx === null) return finding('nginx with rtmp', false, 'no nginx', advice);
  const hasModule = modules.includes(true);
  return finding('nginx with rtmp', false, hasModule ? nginx : 'no rtmp module', hasModule ? null : advice);
}

interface PortContext {
  readonly bind: string;
  readonly running: RunFacts | null;
}

async function portFinding(name: string, port: number, { bind, running }: PortContext): Promise<Finding> {
  if (port === 0) return finding(name, true, 'any free port');
  const trouble = await listenTrouble(port, bind);
  if (trouble === null) return finding(name, true, `${port} is free`);
  if (running !== null && isHeldBy(running, port)) {
    return finding(name, true, `${port} is open in the roomcast of this data dir (pid ${running.pid})`);
  }
  return finding(name, true, trouble, `Stop what uses it or set ${name}`);
}

/** run.json outlives a SIGKILL of its writer, so its process has to live too. */
function isHeldBy(running: RunFacts, port: number): boolean {
  try {
    process.kill(running.pid, 0);
  } catch {
    return false; // no such process
  }
  return [running.localHttp, running.rtmp].some((url) => Number(new URL(url).port) === port);
}

function listenTrouble(port: number, bind: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(`${port}: ${error.code ?? error.message}`),
    );
    server.listen(port, bind, () => server.close(() => resolve(null)));
  });
}

async function diskFinding(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await existingParent(dataDir));
  const free = bavail * bsize;
  const advice = free < MIN_FREE_BYTES ? `Make room: ${dataDir} holds the recordings` : null;
  return finding('disk', false, `${(free / GIB).toFixed(1)} GiB free`, advice);
}

async function existingParent(path: string): Promise<string> {
  const parent = dirname(path);
  return (await isReadable(path)) || parent === path ? path : existingParent(parent);
}

async function findProgram(name: string, searchPath: string): Promise<string | null> {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder, name);
    if (await isReadable(path, constants.X_OK)) return path;
  }
  return null;
}

async function isReadable(path: string, mode: number = constants.R_OK): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false; // not there, or not for us: the same for our purpose
  }
}
