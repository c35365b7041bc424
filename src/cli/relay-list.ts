import { z } from 'zod';
import { relayAnswer } from '../api/operator/schemas.ts';
import { destinationAdvice } from '../domain/push/advice.ts';
import { openApi } from './api-client.ts';
import { type CommandIo, parseCommandArgs } from './command.ts';
import { showRoom } from './room-text.ts';
import { alignTable } from './table.ts';

type Relay = z.output<typeof relayAnswer>;
type Target = Relay['targets'][number];

const HEAD = ['STATE', 'SENT', 'KBPS', 'LAG', 'DROPPED', 'AGAIN', 'ON AIR', 'ID', 'URL'];
/** With the other columns it fits a terminal of 120; the whole URL is in `relay show`. */
const URL_CHARS = 40;
const URL_END_CHARS = 14;

/** Its beginning and its end, where it is longer than that. */
function shortUrl(url: string): string {
  if (url.length <= URL_CHARS) return url;
  return `${url.slice(0, URL_CHARS - URL_END_CHARS - 1)}…${url.slice(-URL_END_CHARS)}`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function isOnAir({ state }: Target): boolean {
  return state === 'live' || state === 'degraded';
}

function row(target: Target, url: string): string[] {
  const { state, bytes, kbps, lagMs, droppedFrames, reconnects, onAirMs, id } = target;
  const rate = isOnAir(target) ? [String(kbps), `${(lagMs / 1000).toFixed(1)} s`] : ['', ''];
  const sent = bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
  return [state, sent, ...rate, String(droppedFrames), String(reconnects), clock(onAirMs), id, url];
}

function nextText({ attempt, nextRetryAt }: Target, nowMs: number): string {
  if (nextRetryAt === null) return '';
  return `attempt ${attempt}, next in ${Math.max(0, Math.ceil((nextRetryAt - nowMs) / 1000))} s: `;
}

/** What the columns have no room for: why it is not on the air, and what breaks limits. */
function notes(target: Target, nowMs: number, isWhole: boolean): string[] {
  const { lastError, warnings } = target;
  const why =
    lastError === null || isOnAir(target)
      ? []
      : [
          `${nextText(target, nowMs)}${lastError.code}, ${lastError.message}`,
          ...(isWhole ? [destinationAdvice(lastError.code)] : []),
        ];
  return [...why, ...warnings.map((warning) => `warning: ${warning}`)].map((note) => `    ${note}`);
}

/** A table of targets with a line below for each thing that is wrong; URLs are shortened unless `isWhole`. */
export function targetLines(targets: readonly Target[], nowMs: number, isWhole: boolean): string[] {
  const [head = '', ...rows] = alignTable(
    HEAD,
    targets.map((target) => row(target, isWhole ? target.url : shortUrl(target.url))),
  );
  return [
    head,
    ...rows.flatMap((line, at) => [
      line,
      ...targets.slice(at, at + 1).flatMap((one) => notes(one, nowMs, isWhole)),
    ]),
  ];
}

/** Relays with their targets, for people. */
export function relayLines(relays: readonly Relay[], nowMs: number): string[] {
  if (relays.length === 0) return ['no relay'];
  return relays.flatMap(({ taskId, room, state, auto, targets }, at) => [
    ...(at === 0 ? [] : ['']),
    `relay ${taskId}, room ${showRoom(room)}: ${state}${auto ? ' (auto)' : ''}`,
    ...targetLines(targets, nowMs, false),
  ]);
}

export async function listRelays(argv: readonly string[], io: CommandIo): Promise<void> {
  const options = {
    json: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
  } as const;
  const { values } = parseCommandArgs(argv, options);
  const api = await openApi(io);
  const path = values.all ? '/relays?all=true' : '/relays';
  const relays = await api.call({ method: 'GET', path, answer: z.array(relayAnswer) });
  if (values.json) io.stdout(JSON.stringify(relays));
  else relayLines(relays, Date.now()).forEach(io.stdout);
}
