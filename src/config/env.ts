import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { VIDEO_ENCODER_CHOICES } from '../domain/encoding.ts';
import { GatewayError } from '../domain/errors.ts';
import { parseNetwork } from '../domain/network.ts';
import { Secret } from '../domain/secret.ts';
import { caFileProblem } from './ca-file.ts';
import { type Config, LOG_LEVELS, MIX_ADMISSIONS } from './config.ts';

const PREFIX = 'ROOMCAST_';
const MIN_SECRET_CHARS = 16;
const MAX_GRACE_SECONDS = 3600;
const NO_RTMPS = 'RTMPS ingest is not in this version: unset it';
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;

const port = z
  .string()
  .refine(
    (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
    'is a port from 1 to 65535, or 0 for any',
  )
  .transform(Number);

function url(protocols: readonly string[], example: string) {
  const isOne = (text: string) => URL.canParse(text) && protocols.includes(new URL(text).protocol);
  return z.string().refine(isOne, `is a URL like ${example}`);
}

const base = (protocols: readonly string[], example: string) =>
  url(protocols, example).transform((text) => text.replace(/\/+$/, ''));

const rtmps = z.string().refine(() => false, NO_RTMPS);

/** Every variable roomcast knows, by its name; anything else that starts with ROOMCAST_ is refused. */
const ENVIRONMENT = z.strictObject({
  ROOMCAST_HTTP_PORT: port.default(8080),
  ROOMCAST_RTMP_PORT: port.default(1935),
  ROOMCAST_RTMPS_PORT: rtmps.optional(),
  ROOMCAST_TLS_CERT: rtmps.optional(),
  ROOMCAST_TLS_KEY: rtmps.optional(),
  ROOMCAST_BIND: z
    .string()
    .refine(
      (text) => isIP(text) === 4 || text === 'localhost',
      'is an IPv4 address of this machine, or 0.0.0.0',
    )
    .default('0.0.0.0'),
  ROOMCAST_DATA_DIR: z.string().default('./data'),
  ROOMCAST_REDIS_URL: url(['redis:', 'rediss:'], 'redis://localhost:6379').optional(),
  ROOMCAST_PUBLIC_URL: base(['http:', 'https:'], 'https://live.example.com').optional(),
  ROOMCAST_PUBLIC_RTMP_URL: base(['rtmp:', 'rtmps:'], 'rtmp://live.example.com').optional(),
  ROOMCAST_INTERNAL_HOST: z
    .string()
    .refine((text) => HOST_NAME.test(text), 'is a host name or an IPv4 address, without port')
    .optional(),
  ROOMCAST_CLUSTER_SECRET: z
    .string()
    .min(MIN_SECRET_CHARS, `has at least ${MIN_SECRET_CHARS} characters`)
    .optional(),
  ROOMCAST_LOG_LEVEL: z.enum(LOG_LEVELS, `is one of ${LOG_LEVELS.join(', ')}`).default('info'),
  ROOMCAST_PICTURE_NETWORKS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine(
      (networks) => networks.every((network) => parseNetwork(network) !== null),
      'is a list of networks like 10.20.0.0/16,fd00::/8',
    )
    .default([]),
  ROOMCAST_VIDEO_ENCODER: z
    .enum(VIDEO_ENCODER_CHOICES, `is one of ${VIDEO_ENCODER_CHOICES.join(', ')}`)
    .default('libx264'),
  ROOMCAST_LOST_USER_GRACE_SECONDS: z
    .string()
    .refine(
      (text) => /^\d{1,4}$/.test(text) && Number(text) <= MAX_GRACE_SECONDS,
      'is a number of seconds up to 3600',
    )
    .transform(Number)
    .default(30),
  ROOMCAST_CA_FILE: z
    .string()
    .superRefine((path, context) => {
      const problem = caFileProblem(path);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .optional(),
  ROOMCAST_MIX_ADMISSION: z
    .enum(MIX_ADMISSIONS, `is one of ${MIX_ADMISSIONS.join(', ')}`)
    .default('measured'),
});

/** Names of all variables, for .env.example and the README to be checked against. */
export const ENVIRONMENT_NAMES: readonly string[] = Object.keys(ENVIRONMENT.shape);

type Environment = z.infer<typeof ENVIRONMENT>;

/** The frozen settings of this process; throws `bad-config` with every problem on its own line. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const ours = Object.entries(env).filter(([name, value]) => name.startsWith(PREFIX) && value !== '');
  const parsed = ENVIRONMENT.safeParse(Object.fromEntries(ours));
  const problems = parsed.success ? crossProblems(parsed.data) : parsed.error.issues.flatMap(describe);
  if (!parsed.success || problems.length > 0) {
    throw new GatewayError(
      'bad-config',
      ['The settings are not usable:', ...problems.map(indent)].join('\n'),
    );
  }
  return toConfig(parsed.data);
}

function indent(line: string): string {
  return `  - ${line}`;
}

function describe(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${key} is no setting of roomcast`);
  return [`${issue.path.join('.')} ${issue.message}`];
}

/** The Redis of a role that has none of its own; throws `bad-config` when it is not set. */
export function requireRedisUrl(config: Config): Secret {
  if (config.redisUrl !== null) return config.redisUrl;
  throw new GatewayError(
    'bad-config',
    'ROOMCAST_REDIS_URL is not set: only `roomcast start` runs a Redis of its own',
  );
}

/** Rules that need more than one variable. */
function crossProblems(env: Environment): string[] {
  const problems: string[] = [];
  if (env.ROOMCAST_HTTP_PORT !== 0 && env.ROOMCAST_HTTP_PORT === env.ROOMCAST_RTMP_PORT) {
    problems.push('ROOMCAST_HTTP_PORT and ROOMCAST_RTMP_PORT must differ');
  }
  return problems;
}

function toConfig(env: Environment): Config {
  const secret = (text: string | undefined) => (text === undefined ? null : new Secret(text));
  return Object.freeze({
    bind: env.ROOMCAST_BIND,
    http: Object.freeze({ port: env.ROOMCAST_HTTP_PORT }),
    rtmp: Object.freeze({ port: env.ROOMCAST_RTMP_PORT }),
    dataDir: resolve(env.ROOMCAST_DATA_DIR),
    redisUrl: secret(env.ROOMCAST_REDIS_URL),
    publicUrl: env.ROOMCAST_PUBLIC_URL ?? null,
    publicRtmpUrl: env.ROOMCAST_PUBLIC_RTMP_URL ?? null,
    internalHost: env.ROOMCAST_INTERNAL_HOST ?? null,
    clusterSecret: secret(env.ROOMCAST_CLUSTER_SECRET),
    logLevel: env.ROOMCAST_LOG_LEVEL,
    pictureNetworks: Object.freeze(env.ROOMCAST_PICTURE_NETWORKS),
    videoEncoder: env.ROOMCAST_VIDEO_ENCODER,
    lostUserGraceSeconds: env.ROOMCAST_LOST_USER_GRACE_SECONDS,
    caFile: env.ROOMCAST_CA_FILE === undefined ? null : resolve(env.ROOMCAST_CA_FILE),
    mixAdmission: env.ROOMCAST_MIX_ADMISSION,
  });
}

/** The environment that makes loadConfig give this config again: how the supervisor hands it to its children. */
export function toEnvironment(config: Config): Record<string, string> {
  const all: Record<string, string | null> = {
    ROOMCAST_HTTP_PORT: String(config.http.port),
    ROOMCAST_RTMP_PORT: String(config.rtmp.port),
    ROOMCAST_BIND: config.bind,
    ROOMCAST_DATA_DIR: config.dataDir,
    ROOMCAST_REDIS_URL: config.redisUrl?.reveal() ?? null,
    ROOMCAST_PUBLIC_URL: config.publicUrl,
    ROOMCAST_PUBLIC_RTMP_URL: config.publicRtmpUrl,
    ROOMCAST_INTERNAL_HOST: config.internalHost,
    ROOMCAST_CLUSTER_SECRET: config.clusterSecret?.reveal() ?? null,
    ROOMCAST_LOG_LEVEL: config.logLevel,
    ROOMCAST_PICTURE_NETWORKS: config.pictureNetworks.join(',') || null,
    ROOMCAST_VIDEO_ENCODER: config.videoEncoder,
    ROOMCAST_LOST_USER_GRACE_SECONDS: String(config.lostUserGraceSeconds),
    ROOMCAST_CA_FILE: config.caFile,
    ROOMCAST_MIX_ADMISSION: config.mixAdmission,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}
