import { expect, test } from 'vitest';
import { assertAudioSpec, possibleAudioKbps, wholeAudio } from '../../../src/domain/encoding.ts';
import { GatewayError } from '../../../src/domain/errors.ts';
import { AUDIO_CODECS, type AudioSpec, SAMPLE_RATES } from '../../../src/domain/programme.ts';

test('HE-AAC has no 8000 Hz, version 2 no mono, and all else is allowed', () => {
  const refused: string[] = [];
  for (const codec of AUDIO_CODECS) {
    for (const sampleRate of SAMPLE_RATES) {
      for (const channels of [1, 2] as const) {
        try {
          assertAudioSpec({ bitrateKbps: 64, codec, sampleRate, channels });
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          refused.push(`${codec} ${sampleRate} ${channels}`);
        }
      }
    }
  }
  const monos = SAMPLE_RATES.filter((rate) => rate !== 8000).map((rate) => `he-aac-v2 ${rate} 1`);
  expect(refused.sort()).toEqual(
    ['he-aac 8000 1', 'he-aac 8000 2', 'he-aac-v2 8000 1', 'he-aac-v2 8000 2', ...monos].sort(),
  );
});

test.each([
  [{ bitrateKbps: 128 }, 128],
  [{ bitrateKbps: 500 }, 500],
  [{ bitrateKbps: 500, channels: 1 }, 288],
  [{ bitrateKbps: 128, sampleRate: 8000 }, 96],
  [{ bitrateKbps: 8, sampleRate: 8000, channels: 1 }, 8],
] as const satisfies readonly (readonly [AudioSpec, number])[])(
  'of %o AAC can have %i kbps',
  (spec, kbps) => {
    expect(possibleAudioKbps(wholeAudio(spec))).toBe(kbps);
  },
);
