import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pino from 'pino';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { createPushRun } from '../../../src/media/push/push-run.ts';
import { makeClip, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { playClip } from '../../support/flv-player.ts';
import { startNginxRtmp } from '../../support/nginx-rtmp.ts';

/** Sizes of the pictures that FFmpeg decodes of a file, in order and each once; fails on a decoder's complaint. */
async function decodedSizes(file: string): Promise<string[]> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v',
    '-show_entries',
    'frame=width,height',
    '-of',
    'csv=p=0',
    file,
  ];
  const { stdout, stderr } = await promisify(execFile)('ffprobe', args, { maxBuffer: 16 * 1024 * 1024 });
  expect(stderr).toBe('');
  const sizes = [...stdout.matchAll(/^(\d+),(\d+)/gm)].map(([, width, height]) => `${width}x${height}`);
  return sizes.filter((size, n) => size !== sizes[n - 1]);
}

test('an encoder that comes back with another size is decoded from its first key frame on, in the same session', async () => {
  const nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
  const [large, small] = await Promise.all([
    makeClip({ seconds: 2, size: '640x360' }).then(parseFlv),
    makeClip({ seconds: 2, size: '320x180' }).then(parseFlv),
  ]);
  const run = createPushRun({ log: pino({ level: 'silent' }) });
  run.setTargets([{ id: 'a', url: new Secret(nginx.rtmpUrl('live', 'resized')), shownUrl: 'rtmp://nginx' }]);
  try {
    for (const [n, clip] of [large, small, large].entries()) {
      run.onStreamStart();
      // The first ends in the middle of a GOP, as an encoder does that is lost.
      const player = playClip(clip, (tag) => run.onTag(tag), { startMs: 50_000 * n });
      await eventually(() => player.played > 70, 60_000);
      player.stop();
      run.onSourceLost();
    }
    expect(run.status().targets[0]).toMatchObject({ sessions: 1, lastError: null });
  } finally {
    await run.close();
  }
  try {
    await eventually(async () => (await nginx.livePublishers()) === 0, 30_000);
    const files = await readdir(nginx.recordingDir);
    expect(files).toHaveLength(1);
    expect(await decodedSizes(join(nginx.recordingDir, files[0] ?? ''))).toEqual([
      '640x360',
      '320x180',
      '640x360',
    ]);
  } finally {
    await nginx.stop();
  }
});
