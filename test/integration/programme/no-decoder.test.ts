import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import { lastPicture, lastSound, meanColour, toneLevel } from '../../support/media-checks.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height } = SMALL_PROGRAMME.video;
const TONE_HZ = 600;
const AUDIBLE = 0.06;

let rig: ProgrammeRig;
let programs: string;
const systemPath = process.env['PATH'] ?? '';

/** An FFmpeg like the one here, but for H.265. */
beforeAll(async () => {
  programs = await mkdtemp(path.join(tmpdir(), 'roomcast-bin-'));
  const ffmpeg = execFileSync('sh', ['-c', 'command -v ffmpeg']).toString().trim();
  const script = [
    '#!/bin/sh',
    `case "$*" in *-codecs*) ${ffmpeg} "$@" | sed 's/^ D\\(.* hevc \\)/ .\\1/' ;;`,
    `*) exec ${ffmpeg} "$@" ;; esac`,
  ];
  await writeFile(path.join(programs, 'ffmpeg'), `${script.join('\n')}\n`, { mode: 0o755 });
  process.env['PATH'] = `${programs}:${systemPath}`;
  rig = await startProgrammeRig();
});

afterAll(async () => {
  process.env['PATH'] = systemPath;
  await rig.close();
  await rm(programs, { recursive: true });
});

test('where FFmpeg has no decoder for H.265, its user is a placeholder that is heard, and an event says so', async () => {
  const picture = 'color=c=lime:s=320x180:r=30';
  rig.source.play('ann', await makeEnhancedClip({ codec: 'hvc1', picture, toneHz: TONE_HZ, seconds: 4 }));
  rig.show(['ann']);
  await rig.until(({ inputs }) => inputs[0]?.state === 'live');
  await rig.pass(2000);
  await eventually(async () => {
    const whole = { x: 0, y: 0, width, height };
    const [red, green, blue] = meanColour(await lastPicture(await rig.recording(), width, height), whole);
    expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeLessThan(20);
    expect(red).toBeGreaterThan(20);
    expect(toneLevel(await lastSound(await rig.recording(), 0.5), TONE_HZ)).toBeGreaterThan(AUDIBLE);
    return true;
  });
  expect(rig.events).toContainEqual(
    expect.objectContaining({ type: 'input-unsupported', streamId: 'ann', codec: 'hvc1' }),
  );
  expect(rig.status()?.encoderStarts).toBe(1);
});
