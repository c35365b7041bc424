import { describe, expect, test } from 'vitest';
import { wholeAudio } from '../../../../src/domain/encoding.ts';
import {
  encoderTrialArgs,
  soundCodecOptions,
  soundEncoderArgs,
  type VideoEncoding,
  videoCodecOptions,
  videoEncoderArgs,
} from '../../../../src/media/ffmpeg/encoder-args.ts';

const VIDEO: VideoEncoding = {
  encoder: 'libx264',
  ...{ width: 1280, height: 720, fps: 30, bitrateKbps: 2500, gopSeconds: 2 },
};
const CBR = '-b:v 2500k -maxrate 2500k -bufsize 5000k';
const VBR = '-b:v 2500k -maxrate 3750k -bufsize 7500k';
const GOP = '-g 60 -bf 0 -force_key_frames expr:gte(t+0.001,n_forced*2)';

test('the video encoder keeps the times it is given and makes key frames by time alone', () => {
  expect(videoEncoderArgs(VIDEO).join(' ')).toBe(
    '-hide_banner -nostats -loglevel error -copyts -probesize 32 -analyzeduration 0 -f nut -i pipe:0 ' +
      '-map 0:v:0 -r 30 -fps_mode vfr ' +
      `-c:v libx264 -preset veryfast -tune zerolatency -sc_threshold 0 -pix_fmt yuv420p ${GOP} ${CBR} ` +
      '-flvflags no_duration_filesize -flush_packets 1 -f flv pipe:1',
  );
});

describe('settings of each encoder', () => {
  test.each([
    [
      'libx264',
      { preset: 'medium' },
      '-preset medium -tune zerolatency -sc_threshold 0 -pix_fmt yuv420p',
      CBR,
    ],
    [
      'libx264',
      { rateControl: 'vbr' },
      '-preset veryfast -tune zerolatency -sc_threshold 0 -pix_fmt yuv420p',
      VBR,
    ],
    [
      'h264_nvenc',
      {},
      '-preset p4 -tune ll -rc cbr -zerolatency 1 -delay 0 -rc-lookahead 0 -forced-idr 1 -pix_fmt yuv420p',
      CBR,
    ],
    [
      'h264_nvenc',
      { rateControl: 'vbr' },
      '-preset p4 -tune ll -rc vbr -zerolatency 1 -delay 0 -rc-lookahead 0 -forced-idr 1 -pix_fmt yuv420p',
      VBR,
    ],
    ['h264_qsv', {}, '-preset veryfast -async_depth 1 -look_ahead 0 -forced_idr 1 -pix_fmt nv12', CBR],
    ['h264_vaapi', {}, '-rc_mode CBR -async_depth 1 -filter:v format=nv12,hwupload', CBR],
    ['h264_vaapi', { rateControl: 'vbr' }, '-rc_mode VBR -async_depth 1 -filter:v format=nv12,hwupload', VBR],
    ['h264_videotoolbox', {}, '-realtime 1 -allow_sw 0 -pix_fmt yuv420p', CBR],
  ] as const)('%s %o', (encoder, part, own, rate) => {
    expect(videoCodecOptions({ ...VIDEO, ...part, encoder }).join(' ')).toBe(
      `-c:v ${encoder} ${own} ${GOP} ${rate}`,
    );
  });

  test('only VAAPI is given its device', () => {
    const withDevice = (encoder: VideoEncoding['encoder']) =>
      [videoEncoderArgs({ ...VIDEO, encoder }), encoderTrialArgs(encoder)].map((args) =>
        args.join(' ').includes('-vaapi_device /dev/dri/renderD128'),
      );
    expect(withDevice('h264_vaapi')).toEqual([true, true]);
    expect(withDevice('h264_nvenc')).toEqual([false, false]);
  });
});

test('a trial encodes five pictures to nowhere', () => {
  expect(encoderTrialArgs('h264_nvenc').join(' ')).toMatch(
    /^-hide_banner -nostats -loglevel error -f lavfi -i testsrc2=size=320x180:rate=30 -frames:v 5 -c:v h264_nvenc .* -f null pipe:1$/,
  );
});

test('the sound encoder counts samples from a second on', () => {
  const pcm = { sampleRate: 48_000, channels: 2, leadSeconds: 1 };
  expect(soundEncoderArgs(wholeAudio({ bitrateKbps: 128 }), pcm).join(' ')).toBe(
    '-hide_banner -nostats -loglevel error -copyts -itsoffset 1 -probesize 32 -analyzeduration 0 ' +
      '-f s16le -ar 48000 -ac 2 -i pipe:0 -map 0:a:0 -c:a aac -b:a 128k -ar 48000 -ac 2 ' +
      '-flvflags no_duration_filesize -flush_packets 1 -f flv pipe:1',
  );
});

test.each([
  [{ bitrateKbps: 128 }, '-c:a aac -b:a 128k -ar 48000 -ac 2'],
  [{ bitrateKbps: 500, sampleRate: 8000, channels: 1 }, '-c:a aac -b:a 48k -ar 8000 -ac 1'],
  [{ bitrateKbps: 500, sampleRate: 44_100, channels: 1 }, '-c:a aac -b:a 264k -ar 44100 -ac 1'],
  [{ bitrateKbps: 48, codec: 'he-aac' }, '-c:a libfdk_aac -profile:a aac_he -b:a 48k -ar 48000 -ac 2'],
  [{ bitrateKbps: 32, codec: 'he-aac-v2' }, '-c:a libfdk_aac -profile:a aac_he_v2 -b:a 32k -ar 48000 -ac 2'],
] as const)('sound %o', (spec, options) => {
  expect(soundCodecOptions(wholeAudio(spec)).join(' ')).toBe(options);
});

test('HE-AAC is made by the encoder that is there', () => {
  const spec = { ...wholeAudio({ bitrateKbps: 48, codec: 'he-aac' }), heAacEncoder: 'aac_at' } as const;
  expect(soundCodecOptions(spec).slice(0, 4)).toEqual(['-c:a', 'aac_at', '-profile:a', 'aac_he']);
});
