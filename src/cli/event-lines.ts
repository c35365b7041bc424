import type { z } from 'zod';
import type { taskEventAnswer } from '../api/operator/event-schemas.ts';
import { parseStreamId } from '../domain/ids.ts';
import { showRoom } from './room-text.ts';

export type ShownEvent = z.output<typeof taskEventAnswer>['event'];

/** A stream as people call it: its user, and that it is the screen. */
export function showStream(streamId: string): string {
  const name = parseStreamId(streamId);
  if (name === null) return streamId;
  return name.kind === 'aux' ? `${name.userId} (screen)` : name.userId;
}

function showTime(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

function stateChange(event: Extract<ShownEvent, { type: 'push-state' }>): string {
  const { url, from, to, error, attempt, nextRetryAt, at } = event;
  const next =
    nextRetryAt === null
      ? ''
      : ` (attempt ${attempt}, next in ${Math.max(0, Math.ceil((nextRetryAt - at) / 1000))} s)`;
  return `${url}: ${from} -> ${to}${error === null ? '' : `, ${error.message}`}${next}`;
}

function whatOf(event: ShownEvent): string {
  switch (event.type) {
    case 'input-changed':
      return `${showStream(event.streamId)}: ${event.what}, ${event.detail}`;
    case 'input-unsupported':
      return `${showStream(event.streamId)}: ${event.codec}, ${event.reason}`;
    case 'input-damaged':
      return `${showStream(event.streamId)}: ${event.detail}`;
    case 'picture-failed':
      return `${event.url}: ${event.reason}`;
    case 'encoder-fallback':
      return `${event.encoder}: ${event.reason}`;
    case 'overloaded':
      return `${Math.round(event.droppedShare * 100)} % of the pictures left out, ${Math.round(event.behindMs)} ms behind`;
    case 'recovered':
      return '';
    case 'push-state':
      return stateChange(event);
    case 'push-warning':
      return `${event.url}: ${event.warnings.length === 0 ? 'within all limits again' : event.warnings.join('; ')}`;
    case 'speaking':
      return event.levels.map(({ userId, volume }) => `${userId} ${Math.round(volume)}`).join(', ');
  }
}

/** One event of a known task. */
export function eventLine(event: ShownEvent): string {
  return `${showTime(event.at)}  ${event.type.padEnd(17)}  ${whatOf(event)}`.trimEnd();
}

/** One event with whose it is. */
export function taskEventLine({ room, taskId, event }: z.output<typeof taskEventAnswer>): string {
  const [time = '', ...rest] = eventLine(event).split('  ');
  return [time, `room ${showRoom(room)}`, taskId, ...rest].join('  ');
}
