import type { LayoutVolumeSei, PassThroughSei, SeiSpec } from './programme.ts';
import { LIMITS, SEI_TYPE_TAKEN, SEI_TYPE_UUID, SEI_UUID } from './programme-limits.ts';
import { assertText, assertWhole, refuse } from './rule.ts';

function checkType(what: string, payloadType: number): void {
  assertWhole(`${what}: its payload type`, payloadType, LIMITS.seiType);
  if (payloadType === SEI_TYPE_TAKEN) refuse(`${what}: payload type ${SEI_TYPE_TAKEN} is taken`);
}

function checkLayoutVolume({ payloadType, intervalMs, appData }: LayoutVolumeSei): void {
  const what = 'the SEI of layout and volumes';
  checkType(what, payloadType);
  assertWhole(`${what}: its interval in ms`, intervalMs, LIMITS.seiIntervalMs);
  if (appData !== undefined && appData.length > LIMITS.seiChars) {
    refuse(`${what}: appData has at most ${LIMITS.seiChars} characters`);
  }
}

function checkPassThrough({ payloadType, intervalMs, content, uuid }: PassThroughSei): void {
  const what = 'the SEI that is passed through';
  const byUuid = payloadType === SEI_TYPE_UUID;
  if (!byUuid) checkType(what, payloadType);
  if (byUuid && !SEI_UUID.test(uuid ?? '')) {
    refuse(`${what}: payload type ${SEI_TYPE_UUID} needs a uuid of 32 hexadecimal digits`);
  }
  if (!byUuid && uuid !== undefined) refuse(`${what}: a uuid is for payload type ${SEI_TYPE_UUID} only`);
  assertWhole(`${what}: its interval in ms`, intervalMs, LIMITS.seiIntervalMs);
  assertText(`${what}: its content`, content, LIMITS.seiChars);
}

/** Throws `bad-request` for SEI that cannot be written. */
export function checkSei({ layoutVolume, passThrough }: SeiSpec, hasVideo: boolean): void {
  if (!hasVideo && (layoutVolume || passThrough)) refuse('SEI is written into the video: there is none');
  if (layoutVolume) checkLayoutVolume(layoutVolume);
  if (passThrough) checkPassThrough(passThrough);
}
