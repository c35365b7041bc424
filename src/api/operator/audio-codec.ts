import { HE_AAC_ENCODERS } from '../../domain/encoding.ts';
import { GatewayError } from '../../domain/errors.ts';
import type { SourceRequest } from '../../domain/new-task.ts';
import type { OperatorDeps } from './deps.ts';

/** Throws `bad-request` for a codec that the FFmpeg of no living worker encodes. */
export async function assertEncodable(deps: OperatorDeps, source: SourceRequest): Promise<void> {
  const codec = source.type === 'mix' ? (source.programme.audio.codec ?? 'aac-lc') : 'aac-lc';
  // Every FFmpeg has this one, and a task may be asked for before there is a worker.
  if (codec === 'aac-lc') return;
  const workers = await deps.workers.list();
  const can = workers.some(({ encoders }) => HE_AAC_ENCODERS.some((name) => encoders.includes(name)));
  if (can) return;
  throw new GatewayError(
    'bad-request',
    `no worker has an FFmpeg that encodes ${codec} (with ${HE_AAC_ENCODERS.join(' or ')}): use aac-lc`,
  );
}
