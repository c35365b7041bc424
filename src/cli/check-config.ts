import { appsPath, parseApps, readAppsText } from '../config/apps.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/env.ts';
import { type Command, parseCommandArgs } from './command.ts';

const NONE = '(none)';

/** The effective settings by the names of their variables, secrets hidden. */
export function effectiveSettings(config: Config): Record<string, string | number> {
  return {
    ROOMCAST_HTTP_PORT: config.http.port,
    ROOMCAST_RTMP_PORT: config.rtmp.port,
    ROOMCAST_BIND: config.bind,
    ROOMCAST_DATA_DIR: config.dataDir,
    ROOMCAST_REDIS_URL:
      config.redisUrl === null ? '(a Redis of its own)' : hideCredentials(config.redisUrl.reveal()),
    ROOMCAST_PUBLIC_URL: config.publicUrl ?? '(from bind and port)',
    ROOMCAST_PUBLIC_RTMP_URL: config.publicRtmpUrl ?? '(from bind and port)',
    ROOMCAST_INTERNAL_HOST: config.internalHost ?? '(bind address, or host name)',
    ROOMCAST_CLUSTER_SECRET: config.clusterSecret === null ? '(a file in the data dir)' : '[hidden]',
    ROOMCAST_LOG_LEVEL: config.logLevel,
    ROOMCAST_VIDEO_ENCODER: config.videoEncoder,
    ROOMCAST_LOST_USER_GRACE_SECONDS: config.lostUserGraceSeconds,
    ROOMCAST_PICTURE_NETWORKS: config.pictureNetworks.join(','),
    ROOMCAST_CA_FILE: config.caFile ?? '(the system alone)',
    ROOMCAST_MIX_ADMISSION: config.mixAdmission,
  };
}

function hideCredentials(text: string): string {
  const url = new URL(text);
  if (url.username === '' && url.password === '') return text;
  return `${url.protocol}//[hidden]@${url.host}${url.pathname}`;
}

async function appNames(dataDir: string): Promise<string[]> {
  const text = await readAppsText(dataDir);
  if (text === null) return [];
  return parseApps(text, appsPath(dataDir)).apps.map(
    (app) => `${app.sdkAppId} ${app.name} (${app.playback})`,
  );
}

export const checkConfigCommand: Command = {
  name: 'check-config',
  usage: 'check-config [--json]',
  summary: 'Check the settings and apps.json and show what is in effect, secrets hidden.',
  help: ['Exits with 2 and names every problem when the settings are not usable.'],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const config = loadConfig(io.env);
    const settings = effectiveSettings(config);
    const apps = await appNames(config.dataDir);
    if (values.json) {
      io.stdout(JSON.stringify({ settings, apps }));
      return 0;
    }
    for (const [name, value] of Object.entries(settings)) io.stdout(`${name}=${value}`);
    io.stdout(`apps: ${apps.length === 0 ? `${NONE} yet: one is made at the first start` : apps.join(', ')}`);
    return 0;
  },
};
