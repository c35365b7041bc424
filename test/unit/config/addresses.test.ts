import { describe, expect, it } from 'vitest';
import { addressesOf } from '../../../src/config/addresses.ts';
import { loadConfig } from '../../../src/config/env.ts';

const at = (env: NodeJS.ProcessEnv, onlyLocalWorkers = false) =>
  addressesOf({ config: loadConfig(env), httpPort: 81, rtmpPort: 82, hostName: 'box', onlyLocalWorkers });

describe('addressesOf', () => {
  it('tells workers the host name and people the loopback address when bound to every address', () => {
    expect(at({})).toEqual({
      internalHttp: 'http://box:81',
      internalRtmp: 'rtmp://box:82',
      publicHttp: 'http://127.0.0.1:81',
      publicRtmp: 'rtmp://127.0.0.1:82',
      localHttp: 'http://127.0.0.1:81',
    });
  });

  it('needs no name that resolves when only its own worker comes', () => {
    expect(at({}, true).internalHttp).toBe('http://127.0.0.1:81');
  });

  it('uses the bind address for everything when it is one', () => {
    expect(at({ ROOMCAST_BIND: '10.0.0.5' })).toMatchObject({
      internalRtmp: 'rtmp://10.0.0.5:82',
      publicHttp: 'http://10.0.0.5:81',
      localHttp: 'http://10.0.0.5:81',
    });
  });

  it('prefers what was set', () => {
    const set = {
      ROOMCAST_PUBLIC_URL: 'https://live.example.com',
      ROOMCAST_PUBLIC_RTMP_URL: 'rtmp://live.example.com',
      ROOMCAST_INTERNAL_HOST: 'gateway-1',
    };
    expect(at(set, true)).toEqual({
      internalHttp: 'http://gateway-1:81',
      internalRtmp: 'rtmp://gateway-1:82',
      publicHttp: 'https://live.example.com',
      publicRtmp: 'rtmp://live.example.com',
      localHttp: 'http://127.0.0.1:81',
    });
  });
});
