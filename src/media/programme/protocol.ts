import type { MixStatus } from '../../domain/job.ts';
import type { RoomStream } from '../../domain/layout/box.ts';
import type { MixEvent } from '../../domain/mix-event.ts';
import type { ProgrammeSpec } from '../../domain/programme.ts';
import type { Blocked } from '../../domain/room.ts';
import type { Encoders } from '../ffmpeg/capabilities.ts';

/** A stream that the programme shows. */
export interface SourceInput extends RoomStream {
  /** null while no gateway is known that holds it. */
  readonly url: string | null;
  /** The room lets nobody hear or see this user's upstream. */
  readonly blocked?: Blocked;
}

/** What to show and where everything is at the moment, with fresh tickets; null while no gateway is known. */
export interface Sources {
  readonly publishUrl: string | null;
  /** In order of entry. */
  readonly inputs: readonly SourceInput[];
  readonly programme: ProgrammeSpec;
  /** Of the programme: one with a lower number than the one shown is old and changes nothing. */
  readonly programmeRevision: number;
}

/** From the mix job to its child. */
export type ToProgramme =
  | {
      readonly type: 'start';
      /** Timestamps of the programme are ms since then (unix ms). */
      readonly timelineStartedAt: number;
      readonly logLevel: string;
      /** CIDRs that pictures may come from though they are not public. */
      readonly pictureNetworks: readonly string[];
      readonly encoders: Encoders;
      readonly sources: Sources;
    }
  | { readonly type: 'sources'; readonly sources: Sources }
  | { readonly type: 'stop' };

/** From the child to its job. */
export type FromProgramme =
  | { readonly type: 'status'; readonly status: MixStatus }
  | { readonly type: 'event'; readonly event: MixEvent }
  /** A higher epoch publishes or reads; the child ends. */
  | { readonly type: 'fenced' };
