import { wholeAudio } from './encoding.ts';
import { type LayoutRequest, withLayout } from './layout/change.ts';
import {
  type AudioSpec,
  type BackgroundPicture,
  DEFAULT_PROGRAMME,
  DEFAULT_VIDEO,
  type ProgrammeSpec,
  type SeiSpec,
  type SoundRules,
  type VideoSpec,
  type Watermark,
} from './programme.ts';
import { refuse } from './rule.ts';
import { sameSpec } from './same-spec.ts';

/** Also undefined, which leaves a field alone as its absence does. */
type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What a caller says about a programme: what is left out stays as it is, null takes away what is optional. */
export interface ProgrammeChange extends Partial<LayoutRequest> {
  /** Field by field; null: sound only. */
  readonly video?: Loose<VideoSpec> | null | undefined;
  readonly audio?: Loose<AudioSpec> | undefined;
  readonly background?: string | undefined;
  readonly backgroundPicture?: BackgroundPicture | null | undefined;
  readonly placeholder?: string | null | undefined;
  readonly watermarks?: readonly Watermark[] | null | undefined;
  /** List by list; an empty one is as none. */
  readonly sound?: SoundRules | null | undefined;
  readonly sei?: SeiSpec | null | undefined;
  readonly maxInputs?: number | null | undefined;
}

/** The object without its undefined fields. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const fields = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && (value === null || Object.keys(value).length === 0);
}

/** The object without what asks for nothing, so that two ways to say the same are one programme. */
function withoutNothing<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => !isNothing(value))) as T;
}

function soundWith(present: SoundRules | undefined, change: ProgrammeChange['sound']): SoundRules | null {
  if (change === undefined) return present ?? null;
  return change === null ? null : withoutNothing({ ...present, ...defined(change) });
}

/** The fields that may be absent, as they are after the change. */
function optionalFields(present: ProgrammeSpec, change: ProgrammeChange): object {
  const { backgroundPicture, placeholder, watermarks, sei, maxInputs } = present;
  const asked = defined({
    backgroundPicture: change.backgroundPicture,
    placeholder: change.placeholder,
    watermarks: change.watermarks,
    sei: change.sei,
    maxInputs: change.maxInputs,
  });
  return withoutNothing({
    ...defined({ backgroundPicture, placeholder, watermarks, sei, maxInputs }),
    ...asked,
    sound: soundWith(present.sound, change.sound),
  });
}

function apply(present: ProgrammeSpec, change: ProgrammeChange): ProgrammeSpec {
  const { video, audio, layout, background } = present;
  const changed = {
    video: change.video === null ? null : { ...(video ?? DEFAULT_VIDEO), ...defined(change.video ?? {}) },
    audio: { ...audio, ...defined(change.audio ?? {}) },
    layout,
    background: change.background ?? background,
    ...optionalFields(present, change),
  };
  return withLayout(changed, { layout: change.layout, main: change.main });
}

/** The default programme with what was asked for; throws `bad-request` for a main user where there is none. */
export function startProgramme(asked: ProgrammeChange): ProgrammeSpec {
  return apply(DEFAULT_PROGRAMME, asked);
}

/** The programme with a change made while it runs; throws `bad-request` for what cannot change then. */
export function changeProgramme(present: ProgrammeSpec, change: ProgrammeChange): ProgrammeSpec {
  if (present.video === null && change.video) {
    refuse('a programme of sound only gets no video while it runs: start another');
  }
  if (present.video !== null && change.video === null) {
    refuse('a programme with video cannot become one of sound only while it runs: start another');
  }
  const changed = apply(present, present.video === null ? { ...change, video: null } : change);
  // In full: who says a default again changes nothing.
  if (!sameSpec(wholeAudio(present.audio), wholeAudio(changed.audio))) {
    refuse('codec, sample rate, channels and bitrate of the sound are fixed while it runs: start another');
  }
  return { ...changed, audio: present.audio };
}
