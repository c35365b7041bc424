import { stat } from 'node:fs/promises';
import { ALL_FORMATS, FilePathSource, Input } from 'mediabunny';

export interface Mp4Facts {
  readonly durationMs: number;
  readonly bytes: number;
  readonly frames: number;
}

/** Opens a finished file as a player would and counts what its index holds; throws when it cannot be read. */
export async function readMp4Facts(file: string): Promise<Mp4Facts> {
  const input = new Input({ formats: ALL_FORMATS, source: new FilePathSource(file) });
  try {
    let frames = 0;
    let endMs = 0;
    for (const track of await input.getTracks()) {
      if (!track.isVideoTrack() && !track.isAudioTrack()) continue;
      const stats = await track.computePacketStats();
      frames += stats.packetCount;
      endMs = Math.max(endMs, (await track.computeDuration()) * 1000);
    }
    return { durationMs: Math.round(endMs), bytes: (await stat(file)).size, frames };
  } finally {
    input.dispose();
  }
}
