import { expect, test } from 'vitest';
import { makeFlashClip, quantile, soundOffsets } from '../../support/av-sync.ts';
import { SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height } = SMALL_PROGRAMME.video;
const SECONDS = 20;
/** On a quiet machine it is below 20 ms in every case. */
const TOLERANCE_MS = 80;

const CASES = [
  { name: 'plain', toneHz: 1000, title: '30 frames a second; leaves and comes back' },
  {
    name: 'obs',
    toneHz: 1800,
    bFrames: 3,
    gopSeconds: 8,
    title: 'three B-frames in a GOP of 8 s; stalls for three seconds',
  },
  {
    name: 'phone',
    toneHz: 2600,
    fps: 15,
    audio: { sampleRate: 44_100, channels: 1 },
    title: '15 frames a second with mono at 44.1 kHz',
  },
  { name: 'fast', toneHz: 3400, fps: 60, title: '60 frames a second' },
];

test('sound stays with the picture of every kind of camera, through stalls and new connections', async () => {
  const clips = await Promise.all(CASES.map((camera) => makeFlashClip({ ...camera, seconds: SECONDS + 12 })));
  const rig = await startProgrammeRig();
  try {
    await rig.until(({ state }) => state === 'running');
    const cameras = CASES.map(({ name }, index) => rig.source.play(name, clips[index] ?? []));
    await rig.pass(3000); // they are joined while they run
    rig.show(CASES.map(({ name }) => name));
    await rig.until(({ inputs }) => inputs.length === 4 && inputs.every((input) => input.state === 'live'));
    await rig.pass(5000);
    cameras[1]?.freeze();
    cameras[0]?.end();
    await rig.pass(3000);
    cameras[1]?.thaw();
    rig.source.play('plain', clips[0] ?? []);
    await rig.pass((SECONDS - 8) * 1000);

    const file = await rig.recording();
    for (const [index, { toneHz, title }] of CASES.entries()) {
      const cell = { x: (index % 2) * (width / 2), y: index < 2 ? 0 : height / 2 };
      const box = { ...cell, width: width / 2, height: height / 2 };
      const offsets = await soundOffsets(file, box, toneHz);
      expect(offsets.length, title).toBeGreaterThan(SECONDS - 8);
      expect(quantile(offsets.map(Math.abs), 0.95), `${title}: ${offsets}`).toBeLessThan(TOLERANCE_MS);
    }
  } finally {
    await rig.close();
  }
});
