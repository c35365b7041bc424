/** What the demo prints as its last line. */
export interface DemoSummary {
  readonly seconds: number;
  readonly targets: readonly { readonly url: string; readonly state: string; readonly frames: number }[];
  readonly recording: { readonly path: string; readonly durationMs: number; readonly onAirMs: number };
  /** The URLs that answered with media, null where none did. */
  readonly playback: { readonly flv: string | null; readonly hls: string | null };
}

const FPS = 30;
/** A machine that is busy starting up drops some; a fifth missing is a fault. */
const LEAST_FRAMES = 0.8;
const RECORDING_TOLERANCE_MS = 1000;

/** What is wrong with a run of the demo, one sentence each; none when all is right. */
export function findFaults(summary: DemoSummary): string[] {
  const faults: string[] = [];
  const leastFrames = summary.seconds * FPS * LEAST_FRAMES;
  for (const { url, state, frames } of summary.targets) {
    if (state !== 'live') faults.push(`${url} was ${state} at the end`);
    if (frames < leastFrames) faults.push(`${url} got ${frames} frames, less than ${leastFrames}`);
  }
  const { durationMs, onAirMs } = summary.recording;
  if (Math.abs(durationMs - onAirMs) > RECORDING_TOLERANCE_MS) {
    faults.push(`the recording is ${durationMs} ms long and was ${onAirMs} ms on the air`);
  }
  if (onAirMs < summary.seconds * 1000 * LEAST_FRAMES) {
    faults.push(`the recording was on the air for ${onAirMs} ms only`);
  }
  if (summary.playback.flv === null) faults.push('no media came over HTTP-FLV');
  if (summary.playback.hls === null) faults.push('no media came over HLS');
  return faults;
}
