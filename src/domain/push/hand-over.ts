import type { PushStatus, TargetStatus } from '../job.ts';

function left(target: TargetStatus): TargetStatus {
  const { state } = target;
  const wasLive = state === 'live' || state === 'degraded';
  if (!wasLive && state !== 'connecting') return target;
  const gone = { kbps: 0, lagMs: 0, nextRetryAt: null, connectedAt: null };
  return { ...target, ...gone, state: 'backing-off', ...(wasLive && { proved: true }) };
}

/** What a push says last that goes on at another worker: what was on the air waits to be there again. */
export function handedOver({ kind, targets }: PushStatus): PushStatus {
  return { kind, source: 'waiting', targets: targets.map(left) };
}
