/** The formats that are taken, by the names of FFmpeg's decoders. */
export type PictureFormat = 'png' | 'mjpeg' | 'bmp' | 'gif' | 'webp';

/** By the first bytes, never by a name or type that a server claims; null for all else. */
export function pictureFormat(bytes: Buffer): PictureFormat | null {
  const head = bytes.toString('latin1', 0, 12);
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('\xff\xd8\xff')) return 'mjpeg';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  if (head.startsWith('RIFF') && head.slice(8) === 'WEBP') return 'webp';
  // Two bytes are little: the four after the size are always 0.
  if (head.startsWith('BM') && head.slice(6, 10) === '\0\0\0\0') return 'bmp';
  return null;
}
