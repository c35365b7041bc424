import type { StreamKind } from './ids.ts';

/** What a worker runs. A task may need several jobs; `id` is the task's, for hls the stream's. */
export const JOB_KINDS = ['mix', 'push', 'record', 'hls', 'finalise'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** Payloads hold ids, never secrets. */
export interface JobRef {
  readonly kind: JobKind;
  readonly id: string;
  /** Only the worker with this data dir can run it: what the job works on lies there. */
  readonly place?: string;
}

/** The job's BullMQ id, lease name and control channel: `mix-<taskId>`, with its place `finalise-<taskId>.<place>`. */
export function jobKey(job: JobRef): string {
  return `${job.kind}-${job.id}${job.place === undefined ? '' : `.${job.place}`}`;
}

/** Reverse of jobKey; null when it names no kind of job. */
export function parseJobKey(key: string): JobRef | null {
  const kind = JOB_KINDS.find((candidate) => key.startsWith(`${candidate}-`));
  if (kind === undefined) return null;
  const [id = '', place] = key.slice(kind.length + 1).split('.');
  return place === undefined ? { kind, id } : { kind, id, place };
}

export type InputState = 'connecting' | 'live' | 'stalled' | 'placeholder';

export interface InputStatus {
  readonly streamId: string;
  readonly userId: string;
  readonly stream: StreamKind;
  readonly state: InputState;
  readonly width: number;
  readonly height: number;
  readonly hasAudio: boolean;
  /** Of the last second, 0 to 100; 0 while the room blocks it. */
  readonly volume: number;
}

/** Pictures are left out, evenly, because encoder or machine cannot keep up; figures of the last ten seconds. */
export interface Overload {
  /** Unix ms. */
  readonly since: number;
  /** 0 to 1. */
  readonly droppedShare: number;
  /** How late the latest picture was. */
  readonly behindMs: number;
  /** Ticks of the programme's clock that came when the next one was due already. */
  readonly lateTicks: number;
}

export interface MixStatus {
  readonly kind: 'mix';
  readonly state: 'starting' | 'running' | 'restarting';
  readonly pid: number;
  readonly inputs: readonly InputStatus[];
  readonly framesOut: number;
  readonly framesDropped: number;
  readonly lateTicks: number;
  readonly overloaded: Overload | null;
  readonly encoderStarts: number;
  readonly publisherStarts: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/**
 * idle: nothing to send. connecting: an attempt runs. live: the peer takes bytes. degraded: it takes them late, or
 * frames were dropped. backing-off: waits for the next attempt. refused, failed: the attempts that its policy allows
 * (after a refusal, after network trouble) are used up; a retry begins anew. paused: by somebody, until resumed.
 */
export const TARGET_STATES = [
  'idle',
  'connecting',
  'live',
  'degraded',
  'backing-off',
  'refused',
  'failed',
  'paused',
  'stopped',
] as const;
export type TargetState = (typeof TARGET_STATES)[number];

export interface TargetStatus {
  readonly targetId: string;
  /** Key hidden. */
  readonly url: string;
  readonly state: TargetState;
  /** Connection attempts since the last time it was live. */
  readonly attempt: number;
  readonly nextRetryAt: number | null;
  readonly lastError: { readonly code: string; readonly message: string; readonly at: number } | null;
  /** Taken by the peer: acknowledged, or what left beyond the kernel's buffers. */
  readonly bytes: number;
  readonly lagMs: number;
  readonly droppedFrames: number;
  /** Taken over the last 5 s; 0 without a session. */
  readonly kbps: number;
  /** How `bytes` is known: the peer acknowledges, or the kernel has let go of them; null before either. */
  readonly takenBy: 'peer' | 'kernel' | null;
  readonly connectedAt: number | null;
  readonly sessions: number;
  /** Live or degraded, all sessions together. */
  readonly onAirMs: number;
  /** What of the stream breaks a known limit of the platform, in sentences; empty when nothing does. */
  readonly warnings: readonly string[];
  /** It took the stream for a while, now or in an earlier run: its key is good. */
  readonly proved?: boolean;
}

export interface PushStatus {
  readonly kind: 'push';
  readonly source: 'waiting' | 'flowing';
  readonly targets: readonly TargetStatus[];
}

export interface RecordStatus {
  readonly kind: 'record';
  readonly state: 'waiting' | 'recording' | 'closing';
  readonly startedAt: number | null;
  readonly mediaMs: number;
  readonly bytes: number;
  readonly gaps: number;
}

export interface HlsStatus {
  readonly kind: 'hls';
  readonly state: 'waiting' | 'running';
  readonly segments: number;
}

export interface FinaliseStatus {
  readonly kind: 'finalise';
  readonly state: 'running';
}

export type JobStatus = MixStatus | PushStatus | RecordStatus | HlsStatus | FinaliseStatus;

/** A status as stored: who says it, with which epoch, when. */
export interface StoredJobStatus {
  readonly workerId: string;
  readonly epoch: number;
  readonly at: number;
  readonly status: JobStatus;
}

/** How a job ended: what a job normally does is data, not an exception. */
export type JobOutcome =
  | { readonly result: 'done' }
  | { readonly result: 'stopped' }
  | { readonly result: 'fenced' };
