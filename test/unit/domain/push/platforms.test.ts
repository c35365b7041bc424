import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../../src/domain/errors.ts';
import { PLATFORM_NAMES } from '../../../../src/domain/push/platform.ts';
import { hideDestinations, limitsOf, readDestination } from '../../../../src/domain/push/platforms.ts';

const OWN = 'rtmp://push.example.com/live/key-5f3a?sign=ab/c';

describe('a destination', () => {
  it.each([
    ['youtube:abcd-5f3a', 'rtmps://a.rtmps.youtube.com:443/live2/abcd-5f3a'],
    [
      'twitch:live_1_x?bandwidthtest=true',
      'rtmps://ingest.global-contribute.live-video.net:443/app/live_1_x?bandwidthtest=true',
    ],
    ['facebook:FB-1-0-a?s_bl=1&a=b/c', 'rtmps://live-api-s.facebook.com:443/rtmp/FB-1-0-a?s_bl=1&a=b/c'],
    ['kick:sk_us-west-2_a', 'rtmps://fa723fc1b171.global-contribute.live-video.net:443/app/sk_us-west-2_a'],
    ['X:abc123', 'rtmps://va.pscp.tv:443/x/abc123'],
    ['bilibili:?streamname=l_1&key=2', 'rtmp://live-push.bilivideo.com/live-bvc/?streamname=l_1&key=2'],
  ])('%s is a key of that platform', (text, url) => {
    expect(readDestination(text)).toEqual({ url, platform: text.split(':')[0]?.toLowerCase() });
  });

  it.each(PLATFORM_NAMES)('%s takes a whole URL', (platform) => {
    expect(readDestination(`${platform}:${OWN}`)).toEqual({ url: OWN, platform });
  });

  it('without a platform is its URL', () => {
    expect(readDestination(OWN)).toEqual({ url: OWN });
  });

  it.each([
    ['tiktok:key-5f3a', /tiktok has no server for all accounts/],
    ['douyin:key-5f3a', /whole URL/],
    ['custom:key-5f3a', /whole URL/],
    ['youtube:', /key behind youtube: is missing/],
    ['youtube:live2/key-5f3a', /no slash/],
    ['youtube:key 5f3a', /spaces/],
    ['bilibili:key-5f3a', /begins with \?streamname=/],
    ['youtub:key-5f3a', /one of youtube, twitch/],
    ['youtube:rtmp://key-5f3a', /push URL/],
    ['http://a/key-5f3a', /push URL/],
    ['key-5f3a', /push URL/],
  ])('%j is refused in words that hold nothing of it', (text, message) => {
    const read = () => readDestination(text);
    expect(read).toThrow(message);
    expect(read).toThrow(GatewayError);
    expect(read).not.toThrow(/5f3a/);
  });
});

describe('the known limits', () => {
  it('let the default programme through everywhere', () => {
    for (const name of PLATFORM_NAMES) {
      const { maxKeyFrameSeconds = 2, maxVideoKbps = 2500, maxAudioKbps = 128 } = limitsOf(name);
      expect(maxKeyFrameSeconds).toBeGreaterThanOrEqual(2);
      expect(maxVideoKbps).toBeGreaterThanOrEqual(2500);
      expect(maxAudioKbps).toBeGreaterThanOrEqual(128);
    }
  });

  it('are none for a server of which nothing is known', () => {
    expect(limitsOf('custom')).toEqual({});
    expect(limitsOf(undefined)).toEqual({});
  });
});

describe('a text of others', () => {
  it.each([
    [
      `Unexpected argument 'youtube:key-5f3a'. This command`,
      `Unexpected argument 'youtube:****'. This command`,
    ],
    [`Unexpected argument '${OWN}'.`, `Unexpected argument 'rtmp://push.example.com/live/****'.`],
    [`no rtmp://h/live/it's-5f3a here`, 'no rtmp://h/live/**** here'],
    ['youtube:key-5f3a twitch:key-5f3a', 'youtube:**** twitch:****'],
    ['custom:rtmp://h/live/key-5f3a', 'custom:****'],
    ['what youtube: says', 'what youtube: says'],
  ])('%j shows no key', (text, shown) => {
    expect(hideDestinations(text)).toBe(shown);
  });
});
