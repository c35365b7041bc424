import { assertAudioSpec } from './encoding.ts';
import { parseUserId } from './ids.ts';
import { DEFAULT_MAX_INPUTS, MOST_INPUTS } from './layout/box.ts';
import { checkLayout } from './layout/rules.ts';
import { checkPictureUrl } from './picture-url.ts';
import {
  AUDIO_CODECS,
  type AudioSpec,
  type BackgroundPicture,
  type ProgrammeSpec,
  RATE_CONTROLS,
  SAMPLE_RATES,
  type SoundRules,
  type VideoSpec,
  X264_PRESETS,
} from './programme.ts';
import { COLOR, LIMITS } from './programme-limits.ts';
import { type RoomUser, roomUserKey } from './room-user.ts';
import { assertOneOf, assertWhole, refuse } from './rule.ts';
import { checkSei } from './sei-rules.ts';
import { checkWatermarks } from './watermark-rules.ts';

/** What a programme is made for; only recordings may have more than 16 pictures. */
export type ProgrammeUse = 'relay' | 'record';

function checkSide(what: string, side: number): void {
  assertWhole(what, side, LIMITS.side);
  if (side % 2 !== 0) refuse(`${what} is an even number of pixels`);
}

function checkVideo(video: VideoSpec, use: ProgrammeUse): void {
  checkSide('the width of the video', video.width);
  checkSide('the height of the video', video.height);
  assertWhole('the frame rate of the video', video.fps, LIMITS.fps);
  assertWhole('the bitrate of the video in kbps', video.bitrateKbps, LIMITS.videoKbps);
  const gop = use === 'relay' ? LIMITS.gopSeconds : LIMITS.recordingGopSeconds;
  assertWhole('the time between key frames in seconds', video.gopSeconds, gop);
  if (video.preset !== undefined) assertOneOf('the preset', video.preset, X264_PRESETS);
  if (video.rateControl !== undefined) assertOneOf('the rate control', video.rateControl, RATE_CONTROLS);
}

function checkAudio(audio: AudioSpec): void {
  const { bitrateKbps, sampleRate, channels, codec } = audio;
  assertWhole('the bitrate of the sound in kbps', bitrateKbps, LIMITS.audioKbps);
  if (sampleRate !== undefined) assertOneOf('the sample rate', sampleRate, SAMPLE_RATES);
  if (channels !== undefined) assertOneOf('the number of channels', channels, [1, 2]);
  if (codec !== undefined) assertOneOf('the audio codec', codec, AUDIO_CODECS);
  assertAudioSpec(audio);
}

function checkUsers(what: string, users: readonly RoomUser[] = []): void {
  if (users.length > LIMITS.users) refuse(`${what} names at most ${LIMITS.users} users`);
  for (const { userId } of users) parseUserId(userId);
  if (new Set(users.map(roomUserKey)).size < users.length) refuse(`${what} names a user twice`);
}

function checkSound({ allow, block, levels }: SoundRules): void {
  checkUsers('the list of those who are heard', allow);
  checkUsers('the list of those who are not heard', block);
  checkUsers('the list of levels', levels);
  for (const { level } of levels ?? []) assertWhole('the level of a user', level, LIMITS.level);
}

function checkMaxInputs(maxInputs: number, use: ProgrammeUse): void {
  assertWhole('the number of inputs', maxInputs, { min: 1, max: MOST_INPUTS });
  if (use === 'relay' && maxInputs > DEFAULT_MAX_INPUTS) {
    refuse(`a relay mixes at most ${DEFAULT_MAX_INPUTS} inputs, only a recording up to ${MOST_INPUTS}`);
  }
}

function checkBackground(color: string, picture: BackgroundPicture | undefined): void {
  if (!COLOR.test(color)) refuse('the background is a colour like #101418');
  if (picture === undefined) return;
  checkPictureUrl('the background picture', picture.url);
  if (picture.renderMode === undefined) return;
  assertOneOf("the background picture's render mode", picture.renderMode, ['crop', 'fit', 'stretch']);
}

/** Throws `bad-request` or `bad-user-id`, in one sentence, for a programme that cannot be made. */
export function checkProgramme(programme: ProgrammeSpec, use: ProgrammeUse): void {
  const { video, maxInputs } = programme;
  if (maxInputs !== undefined) checkMaxInputs(maxInputs, use);
  if (video) checkVideo(video, use);
  checkAudio(programme.audio);
  checkLayout(programme.layout, video, maxInputs);
  checkBackground(programme.background, programme.backgroundPicture);
  if (programme.placeholder !== undefined) checkPictureUrl('the placeholder', programme.placeholder);
  checkWatermarks(programme.watermarks ?? []);
  checkSound(programme.sound ?? {});
  if (programme.sei) checkSei(programme.sei, video !== null);
}
