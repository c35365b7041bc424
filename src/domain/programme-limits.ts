/** What a programme may ask for: TRTC's limits where it has one. */
export const LIMITS = {
  side: { min: 16, max: 1920 },
  fps: { min: 1, max: 60 },
  videoKbps: { min: 10, max: 10_000 },
  gopSeconds: { min: 1, max: 5 },
  recordingGopSeconds: { min: 1, max: 10 },
  audioKbps: { min: 8, max: 500 },
  /** Of cells and watermarks. */
  zOrder: { min: 0, max: 100 },
  opacity: { min: 0, max: 1 },
  /** Right and bottom edge of the part of a source's picture. */
  cropEdge: 10_000,
  watermarks: 25,
  /** Where a watermark begins, and its sides: it may reach beyond the canvas and is cut there. */
  watermarkPlace: { min: 0, max: 2560 },
  watermarkSide: { min: 2, max: 2560 },
  watermarkText: 512,
  fontSize: { min: 4, max: 512 },
  timeZone: { min: -12, max: 14 },
  /** Users in a list of the sound rules. */
  users: 32,
  level: { min: 0, max: 100 },
  urlChars: 2048,
  seiChars: 4095,
  seiIntervalMs: { min: 100, max: 60_000 },
  seiType: { min: 100, max: 254 },
} as const;

/** Taken by others within the range of user data. */
export const SEI_TYPE_TAKEN = 244;
/** User data that is told by its UUID. */
export const SEI_TYPE_UUID = 5;

export const COLOR = /^#[0-9a-fA-F]{6}$/;
export const COLOR_WITH_ALPHA = /^#[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?$/;
export const SEI_UUID = /^[0-9a-fA-F]{32}$/;
/** Quarters of an hour. */
export const TIME_ZONE_STEP = 0.25;
