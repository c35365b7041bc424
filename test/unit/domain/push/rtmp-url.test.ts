import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../../src/domain/errors.ts';
import { parseRtmpUrl, type RtmpUrl, showRtmpUrl } from '../../../../src/domain/push/rtmp-url.ts';
import { seededWhole } from '../../../support/random.ts';

describe('parseRtmpUrl', () => {
  const good: [string, Partial<RtmpUrl>][] = [
    [
      'rtmp://a.rtmp.youtube.com/live2/abcd-efgh',
      {
        host: 'a.rtmp.youtube.com',
        port: 1935,
        app: 'live2',
        key: 'abcd-efgh',
        tcUrl: 'rtmp://a.rtmp.youtube.com/live2',
      },
    ],
    [
      'rtmp://h:19350/app/inst/key?txSecret=1f/2e&txTime=5',
      {
        host: 'h',
        port: 19350,
        app: 'app/inst',
        key: 'key?txSecret=1f/2e&txTime=5',
        tcUrl: 'rtmp://h:19350/app/inst',
      },
    ],
    [
      'RTMP://[::1]:1936/live/k',
      { host: '::1', port: 1936, app: 'live', key: 'k', tcUrl: 'rtmp://[::1]:1936/live' },
    ],
    [
      'rtmp://h/live?vhost=v.example/key',
      {
        host: 'h',
        port: 1935,
        app: 'live?vhost=v.example',
        key: 'key',
        tcUrl: 'rtmp://h/live?vhost=v.example',
      },
    ],
    [
      'rtmp://h/live/k#1%2F@:x',
      { host: 'h', port: 1935, app: 'live', key: 'k#1%2F@:x', tcUrl: 'rtmp://h/live' },
    ],
    [
      'rtmps://live-api-s.facebook.com:443/rtmp/FB-1-0-Ab?s_bl=1&s_ps=1',
      {
        protocol: 'rtmps',
        host: 'live-api-s.facebook.com',
        port: 443,
        app: 'rtmp',
        key: 'FB-1-0-Ab?s_bl=1&s_ps=1',
        tcUrl: 'rtmps://live-api-s.facebook.com:443/rtmp',
      },
    ],
    [
      'RTMPS://a.example/live2/k',
      {
        protocol: 'rtmps',
        host: 'a.example',
        port: 443,
        app: 'live2',
        key: 'k',
        tcUrl: 'rtmps://a.example/live2',
      },
    ],
    [
      'rtmp://live-push.bilivideo.com/live-bvc/?streamname=live_1_2&key=ab12&schedule=rtmp',
      {
        host: 'live-push.bilivideo.com',
        port: 1935,
        app: 'live-bvc',
        key: '?streamname=live_1_2&key=ab12&schedule=rtmp',
        tcUrl: 'rtmp://live-push.bilivideo.com/live-bvc',
      },
    ],
    [
      'rtmps://me:p%40ss%2Fword@[2001:db8::1]/app/k',
      {
        protocol: 'rtmps',
        host: '2001:db8::1',
        port: 443,
        app: 'app',
        key: 'k',
        tcUrl: 'rtmps://[2001:db8::1]/app',
        login: { user: 'me', password: 'p@ss/word' },
      },
    ],
    [
      'rtmp://me@mail.example:50%@h:1936/app/k',
      {
        host: 'h',
        port: 1936,
        app: 'app',
        key: 'k',
        tcUrl: 'rtmp://h:1936/app',
        login: { user: 'me@mail.example', password: '50%' },
      },
    ],
    [
      'rtmp://me@h/app/k',
      {
        host: 'h',
        port: 1935,
        app: 'app',
        key: 'k',
        tcUrl: 'rtmp://h/app',
        login: { user: 'me', password: '' },
      },
    ],
  ];
  for (const [url, parts] of good) {
    it(`takes ${showRtmpUrl(url)} apart and keeps the key as written`, () => {
      expect(parseRtmpUrl(url)).toEqual({ protocol: 'rtmp', login: null, ...parts });
    });
  }

  const bad = [
    '',
    'http://h/live/key-5f3a',
    'rtmpe://h/live/key-5f3a',
    'rtmps:/h/live/key-5f3a',
    'rtmp://h',
    'rtmp://h/key-5f3a',
    'rtmp://h/live/',
    'rtmp://h/?key-5f3a',
    'rtmp://h/live/?',
    'rtmp://me:key-5f3a/3@h/live/key-5f3a',
    'rtmp://me:5f3a@/live/key-5f3a',
    'rtmp://:5f3a@h/live/key-5f3a',
    'rtmp://me:5f/3a@h/live/key-5f3a',
    'rtmp://[::1/live/key-5f3a',
    'rtmps://h:99999/live/key-5f3a',
    'rtmp:///live/key-5f3a',
    'rtmp://h:0/live/key-5f3a',
    'rtmp://h:65536/live/key-5f3a',
    'rtmp://h:x/live/key-5f3a',
    'rtmp://h/live/key 5f3a',
    'rtmp://h/live/key\r\n5f3a',
    `rtmp://h/live/${'key-5f3a'.repeat(300)}`,
  ];
  for (const url of bad) {
    it(`refuses ${JSON.stringify(url.slice(0, 40))} without repeating it`, () => {
      let thrown: unknown;
      try {
        parseRtmpUrl(url);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(GatewayError);
      expect(thrown).toMatchObject({ code: 'bad-request' });
      expect(JSON.stringify([(thrown as GatewayError).message, thrown])).not.toContain('5f3a');
    });
  }
});

describe('showRtmpUrl', () => {
  it('keeps host, port and application', () => {
    expect(showRtmpUrl('rtmp://h:1936/live/inst/key?a=b')).toBe('rtmp://h:1936/live/inst/****');
    expect(showRtmpUrl('rtmp://h/live?token=t0p/key')).toBe('rtmp://h/live?****/****');
    expect(showRtmpUrl(parseRtmpUrl('rtmp://h/live/key'))).toBe('rtmp://h/live/****');
    expect(showRtmpUrl('rtmps://h/live/key?a=b')).toBe('rtmps://h/live/****');
    expect(showRtmpUrl('rtmps://me:pass@h:444/live/key')).toBe('rtmps://****@h:444/live/****');
    expect(showRtmpUrl('rtmp://h/live/?streamname=x&key=y')).toBe('rtmp://h/live/****');
    expect(showRtmpUrl('rtmp://h/live/key-5f3a/?a=b')).toBe('rtmp://h/live/****/****');
    expect(showRtmpUrl('nonsense key-5f3a')).toBe('rtmp://****');
    expect(showRtmpUrl('rtmps://key-5f3a')).toBe('rtmps://****');
  });

  it('hides a login as wholly as it gives it back, however it is written', () => {
    const alphabet = "abcXYZ019-_.~!$&'()*+,;=:@%?#/é";
    const random = seededWhole(11);
    for (let round = 0; round < 2000; round += 1) {
      const part = () =>
        Array.from({ length: 1 + random(12) }, () => alphabet[random(alphabet.length)]).join('');
      const [user, password] = [part(), part()];
      const url = `rtmps://${encodeURIComponent(user)}:${encodeURIComponent(password)}@host.example/live/key`;
      expect(parseRtmpUrl(url).login).toEqual({ user, password });
      expect(showRtmpUrl(url)).toBe('rtmps://****@host.example/live/****');
    }
  });

  it('never shows any part of a key, whatever the key is made of', () => {
    const alphabet = "abcXYZ019-_.~!$&'()*+,;=:@%?#";
    const random = seededWhole(7);
    for (let round = 0; round < 2000; round += 1) {
      const first = alphabet[random(25)] ?? 'k';
      const tail = Array.from({ length: 6 + random(30) }, () => alphabet[random(alphabet.length)]).join('');
      const key = `${first}${tail}`;
      const query = random(3) === 0 ? `?s=${tail}/${first}` : '';
      const shown = showRtmpUrl(`rtmp://host.example:19350/live/one/${key}${query}`);
      expect(shown).toBe('rtmp://host.example:19350/live/one/****');
    }
  });
});
