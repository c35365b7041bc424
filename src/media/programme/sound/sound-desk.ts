import type { MixEventBody, SpeakingLevel } from '../../../domain/mix-event.ts';
import type { SoundRules } from '../../../domain/programme.ts';
import { levelOf, SPEAKING_FROM } from '../../../domain/sound.ts';
import { SAMPLE_RATE } from '../clock.ts';
import type { ProgrammeInput } from '../input/input.ts';
import type { PresentInput } from '../input/input-set.ts';
import { createAudioMixer } from './audio-mix.ts';

/** One tick of the programme's sound: `count` samples from `first` on. */
export interface SoundTick {
  readonly first: number;
  readonly count: number;
  readonly nowMs: number;
  readonly heard: readonly PresentInput[];
  /** Heard for the last time. */
  readonly leaving: readonly ProgrammeInput[];
}

/** Mixes the inputs by the rules, and knows who speaks and how loud. */
export interface SoundDesk {
  /** Who is mixed how loud from now on; changes are faded. */
  follow(present: readonly PresentInput[], rules: SoundRules | undefined): void;
  /** Samples for the encoder with the place of the first, a little before the tick's: what the limiter holds back. */
  mix(tick: SoundTick): { readonly first: number; readonly samples: Buffer };
  /** Of the last second, 0 to 100; 0 while the room blocks the user's sound. */
  volumeOf(streamId: string): number;
}

export interface SoundDeskOptions {
  /** Of a tick. */
  readonly maxSamples: number;
  readonly onEvent: (event: MixEventBody) => void;
}

export function createSoundDesk({ maxSamples, onEvent }: SoundDeskOptions): SoundDesk {
  const mixer = createAudioMixer(maxSamples);
  let volumes = new Map<string, number>();
  let lookAt: number | null = null;
  let spoke = false;

  function takeVolumes(heard: readonly PresentInput[]): SpeakingLevel[] {
    volumes = new Map();
    const speaking: SpeakingLevel[] = [];
    for (const { input, blocked } of heard) {
      const { streamId, userId } = input.ref;
      const level = input.audio.takeVolume();
      const volume = blocked.audio ? 0 : level;
      volumes.set(streamId, volume);
      if (volume >= SPEAKING_FROM) speaking.push({ streamId, userId, volume });
    }
    return speaking;
  }

  /** Once more when all have fallen silent. */
  function tellWhoSpeaks(heard: readonly PresentInput[]): void {
    const levels = takeVolumes(heard);
    if (levels.length > 0 || spoke) onEvent({ type: 'speaking', levels });
    spoke = levels.length > 0;
  }

  return {
    follow(present, rules) {
      for (const { input, blocked } of present) {
        input.audio.gain = levelOf(rules, input.ref, blocked.audio);
        if (blocked.audio) volumes.set(input.ref.streamId, 0);
      }
    },
    mix({ first, count, nowMs, heard, leaving }) {
      const out = mixer.begin(count);
      for (const { input } of heard) input.mixInto(out, count, nowMs, false);
      for (const input of leaving) input.mixInto(out, count, nowMs, true);
      lookAt ??= first + SAMPLE_RATE;
      if (first >= lookAt) {
        lookAt = first + SAMPLE_RATE;
        tellWhoSpeaks(heard);
      }
      return { first: first - mixer.delay, samples: mixer.finish() };
    },
    volumeOf: (streamId) => volumes.get(streamId) ?? 0,
  };
}
