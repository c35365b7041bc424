import { describe, expect, it } from 'vitest';
import { parseRtmpUrl } from '../../../../src/domain/push/rtmp-url.ts';
import { firstRoute, nextRoute, type Route, routeNames } from '../../../../src/media/rtmp/route.ts';

const REFUSAL = { status: 'NetConnection.Connect.Rejected', description: '', redirect: null };
const start = (url: string) => firstRoute(parseRtmpUrl(url));
const sentOn = (route: Route, redirect: string) => nextRoute(route, { ...REFUSAL, redirect });
const asked = (route: Route, description: string) => nextRoute(route, { ...REFUSAL, description });

describe('a route', () => {
  const redirects: [string, string, string][] = [
    ['rtmp://a/live/k', 'rtmp://b/other', 'rtmp://b/other'],
    ['rtmp://a/live/k', 'rtmp://b:1936', 'rtmp://b:1936/live'],
    ['rtmp://a/live/k', 'rtmp://b/', 'rtmp://b/live'],
    ['rtmp://a/live/k', 'rtmps://b/live', 'rtmps://b/live'],
    ['rtmp://a/live/k?t=1', 'rtmp://b/live/inst/k?t=1', 'rtmp://b/live/inst'],
    ['rtmp://a/live/k?t=1', 'rtmp://b/live/k', 'rtmp://b/live'],
    ['rtmp://a/live/k', 'rtmp://thief:x@b/live', 'rtmp://b/live'],
    ['rtmp://a/live/?streamname=k', 'rtmp://b/live', 'rtmp://b/live'],
  ];
  for (const [from, to, tcUrl] of redirects) {
    it(`goes on from ${from} by ${to} to ${tcUrl} with its own key and login`, () => {
      const first = start(from);
      const { url } = sentOn(first, to);
      expect(url.tcUrl).toBe(tcUrl);
      expect([url.key, url.login]).toEqual([first.url.key, first.url.login]);
    });
  }

  it('tells nobody a login who did not ask for it', () => {
    const route = start('rtmp://u:p@a/live/k');
    expect(routeNames(route)).toEqual({ app: 'live', tcUrl: 'rtmp://a/live', key: 'k' });
    const known = asked(route, '[ code=403 need auth; authmod=adobe ]');
    expect(routeNames(known).app).toBe('live?authmod=adobe&user=u');
    expect(routeNames(sentOn(known, 'rtmp://b/live')).app).toBe('live');
  });

  it('adds its answer to an application that has a query', () => {
    const known = asked(start('rtmp://a%26b:p@a/live?vhost=x/k'), '[ code=403 need auth; authmod=llnw ]');
    expect(routeNames(known)).toMatchObject({
      app: 'live?vhost=x&authmod=llnw&user=a%26b',
      tcUrl: 'rtmp://a/live?vhost=x&authmod=llnw&user=a%26b',
    });
  });

  it('answers a challenge with a number of its own each time', () => {
    const proof = () =>
      routeNames(asked(start('rtmp://u:p@a/live/k'), 'authmod=adobe ] : ?reason=needauth&salt=s&challenge=c'))
        .app;
    expect(proof()).toMatch(
      /^live\?authmod=adobe&user=u&challenge=[0-9a-f]{8}&response=[A-Za-z0-9+/]{22}==$/,
    );
    expect(proof()).not.toBe(proof());
  });

  it('sends back no more of a challenge than a challenge needs', () => {
    const long = `authmod=adobe ] : ?reason=needauth&salt=s&opaque=${'o'.repeat(2000)}`;
    expect(routeNames(asked(start('rtmp://u:p@a/live/k'), long)).app.length).toBeLessThan(400);
  });

  it.each(['', 'no', 'code=403 need auth', 'authmod=other'])(
    'ends at a refusal that says %j',
    (description) => {
      expect(() => asked(start('rtmp://u:p@a/live/k'), description)).toThrowError(
        expect.objectContaining({ code: 'app-refused', retry: 'never' }),
      );
    },
  );
});
