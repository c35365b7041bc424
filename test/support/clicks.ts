const SAMPLE_RATE = 48_000;

/**
 * The largest thing beside a steady tone, sample by sample: a filter that takes out exactly that frequency leaves
 * next to nothing of a tone that is faded within milliseconds, and of a tone that is cut off about its amplitude.
 */
export function largestClick(
  samples: Float32Array,
  hz: number,
): { readonly size: number; readonly atMs: number } {
  const twice = 2 * Math.cos((2 * Math.PI * hz) / SAMPLE_RATE);
  let size = 0;
  let at = 0;
  for (let n = 2; n < samples.length; n += 1) {
    const left = Math.abs((samples[n] ?? 0) - twice * (samples[n - 1] ?? 0) + (samples[n - 2] ?? 0));
    if (left > size) {
      size = left;
      at = n;
    }
  }
  return { size, atMs: (at * 1000) / SAMPLE_RATE };
}
