/** Live platforms we know something of; `custom` is any other server. */
const PLATFORM_NAMES = [
  'youtube',
  'twitch',
  'facebook',
  'kick',
  'x',
  'tiktok',
  'bilibili',
  'douyin',
  'custom',
] as const;
export type PlatformName = (typeof PLATFORM_NAMES)[number];
