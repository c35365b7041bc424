import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { LogLevel } from './config/config.ts';

const HIDDEN = '[hidden]';
const SECRET_FIELDS = [
  'usersig',
  'userSig',
  'privateMapKey',
  'private_map_key',
  'ticket',
  'key',
  'url',
  'secretKey',
  'adminToken',
  'authorization',
];
const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
const OWN_FIELDS = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'err']);

export interface LogTarget {
  readonly isTTY: boolean;
  write(text: string): void;
}

const CONTROL_CHARS = /\p{Cc}/gu;

/** Of an error what it says of itself: other libraries hang commands with their arguments on theirs. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack, ...rest } = stdSerializers.err(error);
  return { type, message, stack, code: rest['code'], context: rest['context'] };
}

/** A logger that writes readable lines to a terminal and JSON elsewhere; fields that hold secrets are hidden. */
export function createLogger(name: string, level: LogLevel, target: LogTarget): Logger {
  return pino(
    {
      name,
      level,
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: HIDDEN },
    },
    destination(target),
  );
}

function destination(target: LogTarget): DestinationStream {
  return { write: (line: string) => target.write(target.isTTY ? readableLine(line) : line) };
}

/** One JSON log line as a person reads it: time, level, who, message, the other fields. */
export function readableLine(line: string): string {
  const record = JSON.parse(line) as Record<string, unknown>;
  const time = String(record['time']).slice(11, 23);
  const level = (LEVEL_NAMES[Number(record['level'])] ?? 'info').padEnd(5);
  const fields = Object.entries(record)
    .filter(([field]) => !OWN_FIELDS.has(field))
    .map(([field, value]) => ` ${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .map(escapeControls);
  const stack = errorText(record['err']);
  return `${time} ${level} ${String(record['name'])}: ${escapeControls(String(record['msg'] ?? ''))}${fields.join('')}\n${stack}`;
}

/** Strangers' words are in some fields: a terminal must not obey them. */
function escapeControls(text: string): string {
  return text.replace(CONTROL_CHARS, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { stack, message } = error as { stack?: unknown; message?: unknown };
  return `${String(stack ?? message ?? '')}\n`;
}
