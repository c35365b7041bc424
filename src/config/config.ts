import type { VideoEncoderChoice } from '../domain/encoding.ts';
import type { Secret } from '../domain/secret.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const MIX_ADMISSIONS = ['measured', 'off'] as const;

/** The effective settings of a process: grouped, frozen, every value checked (config/env.ts). */
export interface Config {
  readonly bind: string;
  readonly http: { readonly port: number };
  readonly rtmp: { readonly port: number };
  readonly dataDir: string;
  /** null: `start` runs a Redis of its own. */
  readonly redisUrl: Secret | null;
  /** null: made from bind and port. No trailing slash. */
  readonly publicUrl: string | null;
  readonly publicRtmpUrl: string | null;
  /** null: the bind address, or the host name when bound to every address. */
  readonly internalHost: string | null;
  /** null: a file in the data dir. */
  readonly clusterSecret: Secret | null;
  readonly logLevel: LogLevel;
  /** Of mixes; `auto` looks for a hardware encoder that works. */
  readonly videoEncoder: VideoEncoderChoice;
  /** Seconds a user whose connection was lost stays in the room. */
  readonly lostUserGraceSeconds: number;
  /** CIDRs that pictures of layouts may come from though they are not public. */
  readonly pictureNetworks: readonly string[];
  /** PEM file of further authorities that RTMPS destinations may be certified by. */
  readonly caFile: string | null;
  /** `measured`: a worker takes a mix when its machine has the cores for it to spare; `off`: whenever asked. */
  readonly mixAdmission: (typeof MIX_ADMISSIONS)[number];
}
