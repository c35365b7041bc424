import type { z } from 'zod';
import { startedAnswer, startRelaySchema } from '../api/operator/schemas.ts';
import { openApi } from './api-client.ts';
import { type CommandIo, parseCommandArgs, UsageError } from './command.ts';
import { LAYOUT_OPTIONS, parseLayoutOptions } from './layout-options.ts';
import {
  checkBody,
  parseAppOption,
  parseCount,
  parseRoomOptions,
  parseUserOption,
  readUrls,
} from './options.ts';

type StartBody = z.input<typeof startRelaySchema>;

const OPTIONS = {
  room: { type: 'string' },
  'string-room': { type: 'boolean', default: false },
  app: { type: 'string' },
  to: { type: 'string', multiple: true },
  ...LAYOUT_OPTIONS,
  size: { type: 'string' },
  fps: { type: 'string' },
  bitrate: { type: 'string' },
  agent: { type: 'string' },
  single: { type: 'string' },
  'max-idle': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

interface VideoOptions {
  readonly size?: string | undefined;
  readonly fps?: string | undefined;
  readonly bitrate?: string | undefined;
}

function parseSize(text: string): { width: number; height: number } {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  if (!match) throw new UsageError('--size is like 1280x720');
  return { width: Number(match[1]), height: Number(match[2]) };
}

function parseVideo(values: VideoOptions): StartBody['video'] {
  const { size, fps, bitrate } = values;
  if (size === undefined && fps === undefined && bitrate === undefined) return undefined;
  return {
    ...(size === undefined ? {} : parseSize(size)),
    ...(fps === undefined ? {} : { fps: parseCount('--fps', fps) }),
    ...(bitrate === undefined ? {} : { bitrateKbps: parseCount('--bitrate', bitrate) }),
  };
}

/** The request that these arguments ask for; throws UsageError. */
export async function parseRelayStart(argv: readonly string[], stdin: CommandIo['stdin']) {
  const { values } = parseCommandArgs(argv, OPTIONS);
  const { agent, single } = values;
  if (values.main !== undefined && values.layout === undefined) {
    throw new UsageError('--main is for the layouts floating and share: give --layout too');
  }
  const targets = await readUrls('--to', values.to ?? [], stdin);
  if (targets.length === 0) throw new UsageError('--to is missing: give at least one push URL');
  const body: StartBody = {
    room: parseRoomOptions(values).value,
    targets,
    sdkAppId: parseAppOption(values.app),
    ...parseLayoutOptions(values),
    video: parseVideo(values),
    agentUserId: agent === undefined ? undefined : parseUserOption('--agent', agent),
    single: single === undefined ? undefined : { userId: parseUserOption('--single', single) },
    maxIdleSeconds:
      values['max-idle'] === undefined ? undefined : parseCount('--max-idle', values['max-idle']),
  };
  return { body: checkBody(startRelaySchema, body), json: values.json };
}

export async function startRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { body, json } = await parseRelayStart(argv, io.stdin);
  const api = await openApi(io);
  const started = await api.call({ method: 'POST', path: '/relays', body, answer: startedAnswer });
  io.stdout(json ? JSON.stringify(started) : `relay ${started.taskId} started, stream ${started.streamId}`);
}
