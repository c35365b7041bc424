import type { StreamKind } from '../../domain/ids.ts';
import type { MixStatus } from '../../domain/job.ts';
import type { LayoutSpec, ProgrammeSpec } from '../../domain/task.ts';

/** A stream that the programme shows. */
export interface InputRef {
  readonly streamId: string;
  readonly userId: string;
  readonly stream: StreamKind;
}

/** What to show and where everything is at the moment, with fresh tickets; null while no gateway is known. */
export interface Sources {
  readonly publishUrl: string | null;
  /** In order of entry. */
  readonly inputs: readonly (InputRef & { readonly url: string | null })[];
  readonly layout: LayoutSpec;
  /** Of the layout: one with a lower number than the one shown is old and changes nothing. */
  readonly layoutRevision: number;
}

/** From the mix job to its child. */
export type ToProgramme =
  | {
      readonly type: 'start';
      readonly spec: ProgrammeSpec;
      /** Timestamps of the programme are ms since then (unix ms). */
      readonly timelineStartedAt: number;
      readonly logLevel: string;
      readonly sources: Sources;
    }
  | { readonly type: 'sources'; readonly sources: Sources }
  | { readonly type: 'stop' };

/** From the child to its job. */
export type FromProgramme =
  | { readonly type: 'status'; readonly status: MixStatus }
  /** A higher epoch publishes or reads; the child ends. */
  | { readonly type: 'fenced' };
