import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/env.ts';
import { examineMachine } from '../../../src/doctor/machine-findings.ts';
import { AUDIO_CODECS } from '../../../src/domain/programme.ts';
import {
  assertSoundEncodable,
  encodesHere,
  findEncoders,
  rememberEncoders,
} from '../../../src/media/ffmpeg/capabilities.ts';
import { makeTestDir } from '../../support/roomcast.ts';

const log = pino({ level: 'silent' });
const PATH = process.env['PATH'] ?? '';
const ALL = ['libx264', 'aac', 'h264_nvenc', 'h264_qsv', 'h264_vaapi'];

afterEach(() => {
  process.env['PATH'] = PATH;
});

/** An ffmpeg on the PATH that was built with these encoders, of which some work. */
async function installFfmpeg(built: readonly string[], working: readonly string[]): Promise<string> {
  const dir = await makeTestDir('ffmpeg');
  const table = built.map((name) => ` V....D ${name}              some encoder`).join('\n');
  const program = `#!/bin/sh
case "$*" in
  *-version*) echo 'ffmpeg version 9.9 for tests'; exit 0 ;;
  *-encoders*) printf '%s\\n' ' ------' '${table}'; exit 0 ;;
esac
for name in ${working.join(' ')}; do
  case " $* " in *" -c:v $name "*) exit 0 ;; esac
done
exit 1
`;
  await writeFile(join(dir, 'ffmpeg'), program);
  await chmod(join(dir, 'ffmpeg'), 0o755);
  process.env['PATH'] = `${dir}${delimiter}${PATH}`;
  return dir;
}

test('libx264 really encodes here, and an encoder that this ffmpeg does not have does not', async () => {
  expect(await encodesHere('libx264', log)).toBe(true);
  expect(await encodesHere('h264_videotoolbox', log)).toBe(process.platform === 'darwin');
});

test.each([
  [['h264_qsv', 'h264_vaapi', 'libx264'], 'h264_qsv'],
  [['h264_vaapi', 'libx264'], 'h264_vaapi'],
  [['libx264'], 'libx264'],
])('of an ffmpeg whose %o work, auto takes %s', async (working, chosen) => {
  await installFfmpeg(ALL, working);
  expect((await findEncoders('auto', log)).video).toBe(chosen);
  expect((await findEncoders('h264_nvenc', log)).video).toBe('h264_nvenc');
});

test('HE-AAC is there with an encoder for it, and without one its programmes are refused for good', async () => {
  await installFfmpeg([...ALL, 'libfdk_aac'], ['libx264']);
  const able = await findEncoders('libx264', log);
  expect(able.heAac).toBe('libfdk_aac');
  for (const codec of AUDIO_CODECS) assertSoundEncodable({ bitrateKbps: 64, codec }, able);

  await installFfmpeg(ALL, ['libx264']);
  const unable = await findEncoders('libx264', log);
  assertSoundEncodable({ bitrateKbps: 64 }, unable);
  for (const codec of ['he-aac', 'he-aac-v2'] as const) {
    expect(() => assertSoundEncodable({ bitrateKbps: 64, codec }, unable)).toThrow(
      expect.objectContaining({
        code: 'tool-missing',
        retry: 'never',
        message: expect.stringContaining(codec),
      }),
    );
  }
});

test('what was found is asked for once, a failure is asked again', async () => {
  let asked = 0;
  const find = rememberEncoders(async () => {
    asked += 1;
    if (asked === 1) throw new Error('no memory for a process');
    return { video: 'libx264', heAac: null };
  });
  await expect(find()).rejects.toThrow('no memory');
  await Promise.all([find(), find()]);
  await find();
  expect(asked).toBe(2);
});

test('doctor names the encoders that work, and the chosen one when it does not', async () => {
  const dir = await installFfmpeg(ALL, ['libx264', 'h264_qsv']);
  const findingOf = async (choice: string) => {
    const env = { ROOMCAST_DATA_DIR: dir, ROOMCAST_HTTP_PORT: '0', ROOMCAST_RTMP_PORT: '0' };
    const findings = await examineMachine({
      config: loadConfig({ ...env, ROOMCAST_VIDEO_ENCODER: choice }),
      ...{ searchPath: PATH, nodeVersion: process.versions.node, log },
    });
    return findings.find(({ what }) => what === 'video encoders');
  };
  expect(await findingOf('auto')).toMatchObject({ ok: true, found: 'libx264, h264_qsv work' });
  expect(await findingOf('h264_vaapi')).toMatchObject({
    ok: false,
    needed: false,
    advice: expect.stringContaining('h264_vaapi'),
  });
});
