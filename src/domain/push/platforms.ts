import { GatewayError } from '../errors.ts';
import { PLATFORM_NAMES, type PlatformLimits, type PlatformName } from './platform.ts';
import { parseRtmpUrl, showRtmpUrl } from './rtmp-url.ts';

interface Platform {
  /** Where its keys belong; null: it gives every account a server of its own, so that it takes whole URLs only. */
  readonly server: string | null;
  /** Where its form is known: a key that does not match is none. */
  readonly key?: { readonly form: RegExp; readonly told: string };
  readonly limits: PlatformLimits;
}

/** Protocol and server, form of keys and known limits of the platforms; figures as their owners tell them. */
const PLATFORMS: Readonly<Record<PlatformName, Platform>> = {
  // support.google.com/youtube/answer/2853702 (live encoder settings), 2026-11: key frames every 2 s, at most 4 s;
  // H.264, H.265 and AV1 to 2160p60; 40 Mbit/s is the top of its table; streams without sound are told unhealthy.
  youtube: {
    server: 'rtmps://a.rtmps.youtube.com:443/live2',
    limits: {
      maxKeyFrameSeconds: 4,
      maxVideoKbps: 40_000,
      maxWidth: 3840,
      maxHeight: 2160,
      maxFps: 60,
      needsAudio: true,
      audioSampleRates: [44_100, 48_000],
      videoCodecs: ['h264', 'h265', 'av1'],
    },
  },
  // help.twitch.tv (broadcast requirements), twitch.tv/creatorcamp (broadcast recommendations), 2026-11: key frames
  // every 2 s, 6 Mbit/s, AAC-LC of at most 320 kbit/s at 44.1 or 48 kHz, H.264 up to 60 fps.
  twitch: {
    server: 'rtmps://ingest.global-contribute.live-video.net:443/app',
    limits: {
      maxKeyFrameSeconds: 2,
      maxVideoKbps: 6000,
      maxAudioKbps: 320,
      maxFps: 60,
      audioSampleRates: [44_100, 48_000],
      videoCodecs: ['h264'],
    },
  },
  // developers.facebook.com/docs/live-video-api/reference (recommended settings), 2026-11: key frames at most 4 s
  // apart, 9 Mbit/s for 1080p60, H.264, AAC of at most 256 kbit/s, both sound and video, RTMPS only.
  facebook: {
    server: 'rtmps://live-api-s.facebook.com:443/rtmp',
    limits: {
      maxKeyFrameSeconds: 4,
      maxVideoKbps: 9000,
      maxAudioKbps: 256,
      maxWidth: 1920,
      maxHeight: 1080,
      maxFps: 60,
      needsVideo: true,
      needsAudio: true,
      audioSampleRates: [44_100, 48_000],
      videoCodecs: ['h264'],
    },
  },
  // Its ingest is Amazon IVS: docs.aws.amazon.com/ivs (streaming configuration; channel type STANDARD), 2026-11:
  // 1080p, 8.5 Mbit/s or the stream is disconnected, key frames every 1 or 2 s, H.264, no streams of sound only.
  kick: {
    server: 'rtmps://fa723fc1b171.global-contribute.live-video.net:443/app',
    limits: {
      maxKeyFrameSeconds: 2,
      maxVideoKbps: 8500,
      maxWidth: 1920,
      maxHeight: 1080,
      maxFps: 60,
      needsVideo: true,
      videoCodecs: ['h264'],
    },
  },
  // help.x.com/using-x/live-studio, 2026-11: servers by region, this one is N. Virginia's, a source in another region
  // is given by its URL. Figures as OBS Studio has them from X (rtmp-services, `Twitter`), 2026-11.
  x: {
    server: 'rtmps://va.pscp.tv:443/x',
    limits: {
      maxKeyFrameSeconds: 3,
      maxVideoKbps: 12_000,
      maxAudioKbps: 128,
      maxFps: 60,
      videoCodecs: ['h264'],
    },
  },
  // Server and key are made for each broadcast (TikTok LIVE, 2026-11); limits are not published.
  tiktok: { server: null, limits: {} },
  // What its start of a broadcast answers (link.bilibili.com, 2026-11): one server, the key is a query of its own.
  bilibili: {
    server: 'rtmp://live-push.bilivideo.com/live-bvc',
    key: { form: /^\?streamname=/, told: 'begins with ?streamname=' },
    limits: {},
  },
  // Server and key are made for each broadcast (Douyin's live companion, 2026-11); limits are not published.
  douyin: { server: null, limits: {} },
  custom: { server: null, limits: {} },
};

/** What a platform is known to refuse; empty for none and for one of which nothing is known. */
export function limitsOf(platform: PlatformName | undefined): PlatformLimits {
  return platform === undefined ? {} : PLATFORMS[platform].limits;
}

/** A push URL, whole, and the platform that was named with it. Its URL is a secret. */
export interface Destination {
  readonly url: string;
  readonly platform?: PlatformName;
}

const NAMED = /^([a-z]+):(?!\/\/)(.*)$/is;
const URL_START = /^rtmps?:\/\//i;

function refuse(what: string): GatewayError {
  // Never what was given: it holds the key.
  return new GatewayError('bad-request', what);
}

function urlOfKey(platform: PlatformName, key: string): string {
  const { server, key: known } = PLATFORMS[platform];
  if (server === null) {
    throw refuse(`${platform} has no server for all accounts: give ${platform}: and the whole URL`);
  }
  if (key === '') throw refuse(`the stream key behind ${platform}: is missing`);
  if (key.split('?', 1)[0]?.includes('/')) throw refuse(`a stream key of ${platform} has no slash`);
  if (known && !known.form.test(key)) throw refuse(`a stream key of ${platform} ${known.told}`);
  return `${server}/${key}`;
}

/**
 * Reads `rtmp[s]://...`, `PLATFORM:KEY` or `PLATFORM:rtmp[s]://...`; throws `bad-request` with a text that holds no
 * part of it.
 */
export function readDestination(text: string): Destination {
  const [, name, rest = ''] = NAMED.exec(text) ?? [];
  if (name === undefined) {
    parseRtmpUrl(text);
    return { url: text };
  }
  const platform = PLATFORM_NAMES.find((one) => one === name.toLowerCase());
  if (platform === undefined) {
    throw refuse(`a target is a push URL, or one of ${PLATFORM_NAMES.join(', ')} with a colon and its key`);
  }
  const url = URL_START.test(rest) ? rest : urlOfKey(platform, rest);
  parseRtmpUrl(url);
  return { url, platform };
}

/** Up to the quote that closes it, as error texts quote arguments, or to a space. */
const REST = '\\S+?(?=[\'"](?:[\\s.,:;)]|$)|\\s|$)';
const WITH_KEY = new RegExp(`\\b(${PLATFORM_NAMES.join('|')}):(?!\\s)${REST}`, 'gi');
const WITH_URL = new RegExp(`rtmps?://${REST}`, 'gi');

/** A text of others, in which destinations may stand, with their keys hidden. */
export function hideDestinations(text: string): string {
  return text.replace(WITH_KEY, (_all, name: string) => `${name}:****`).replace(WITH_URL, showRtmpUrl);
}
