import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { effectiveSettings } from '../../../src/cli/check-config.ts';
import { ENVIRONMENT_NAMES, loadConfig, toEnvironment } from '../../../src/config/env.ts';
import { GatewayError } from '../../../src/domain/errors.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.code).toBe('bad-config');
    return error.message.split('\n').slice(1);
  }
  return [];
}

/** Values of a commented or active `NAME=value` line in .env.example. */
function exampleLines(): Map<string, string> {
  const text = readFileSync(path.join(ROOT, '.env.example'), 'utf8');
  const matches = text.matchAll(/^#? ?(ROOMCAST_[A-Z_]+)=(.*)$/gm);
  return new Map([...matches].map(([, name = '', value = '']) => [name, value]));
}

const folder = mkdtempSync(path.join(tmpdir(), 'roomcast-ca-'));
afterAll(() => rmSync(folder, { recursive: true }));
const ROOT_CERTIFICATE = rootCertificates[0] ?? '';

function caFile(parts: readonly string[]): string {
  const file = path.join(folder, 'ca.pem');
  writeFileSync(file, `${parts.join('\n')}\n`);
  return file;
}

function damaged(pem: string): string {
  const lines = pem.split('\n');
  return [lines[0], ...lines.slice(4)].join('\n');
}

describe('loadConfig', () => {
  it('gives the documented defaults when nothing is set', () => {
    const config = loadConfig({ PATH: '/bin' });
    expect(config).toMatchObject({
      bind: '0.0.0.0',
      http: { port: 8080 },
      rtmp: { port: 1935 },
      dataDir: path.resolve('data'),
      redisUrl: null,
      publicUrl: null,
      publicRtmpUrl: null,
      internalHost: null,
      clusterSecret: null,
      logLevel: 'info',
      videoEncoder: 'libx264',
      lostUserGraceSeconds: 30,
      pictureNetworks: [],
      caFile: null,
      mixAdmission: 'measured',
    });
    expect(Object.isFrozen(config) && Object.isFrozen(config.http) && Object.isFrozen(config.rtmp)).toBe(
      true,
    );
  });

  it('treats an empty text as not set', () => {
    expect(loadConfig({ ROOMCAST_HTTP_PORT: '', ROOMCAST_TLS_CERT: '' }).http.port).toBe(8080);
  });

  it.each([
    ['ROOMCAST_HTTP_PORT', 'http'],
    ['ROOMCAST_HTTP_PORT', '65536'],
    ['ROOMCAST_HTTP_PORT', '-1'],
    ['ROOMCAST_HTTP_PORT', '80.5'],
    ['ROOMCAST_RTMP_PORT', ' 1935'],
    ['ROOMCAST_RTMP_PORT', '1e3'],
    ['ROOMCAST_BIND', '300.1.1.1'],
    ['ROOMCAST_BIND', 'everywhere'],
    ['ROOMCAST_REDIS_URL', 'localhost:6379'],
    ['ROOMCAST_REDIS_URL', 'http://localhost:6379'],
    ['ROOMCAST_PUBLIC_URL', 'live.example.com'],
    ['ROOMCAST_PUBLIC_URL', 'ftp://live.example.com'],
    ['ROOMCAST_PUBLIC_RTMP_URL', 'https://live.example.com'],
    ['ROOMCAST_INTERNAL_HOST', 'host:80'],
    ['ROOMCAST_INTERNAL_HOST', 'http://host'],
    ['ROOMCAST_CLUSTER_SECRET', 'too short'],
    ['ROOMCAST_LOG_LEVEL', 'verbose'],
    ['ROOMCAST_VIDEO_ENCODER', 'libx265'],
    ['ROOMCAST_LOST_USER_GRACE_SECONDS', '30s'],
    ['ROOMCAST_LOST_USER_GRACE_SECONDS', '3601'],
    ['ROOMCAST_LOST_USER_GRACE_SECONDS', '-1'],
    ['ROOMCAST_PICTURE_NETWORKS', '10.0.0.1'],
    ['ROOMCAST_PICTURE_NETWORKS', '10.0.0.0/33'],
    ['ROOMCAST_PICTURE_NETWORKS', '10.0.0.0/8,'],
    ['ROOMCAST_PICTURE_NETWORKS', 'all'],
    ['ROOMCAST_MIX_ADMISSION', 'on'],
  ])('refuses %s=%s with one line that names it', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
  });

  it.each(['ROOMCAST_RTMPS_PORT', 'ROOMCAST_TLS_CERT', 'ROOMCAST_TLS_KEY'])(
    'refuses %s, which this version cannot honour',
    (name) => {
      expect(problemsOf({ [name]: '443' })).toEqual([
        `  - ${name} RTMPS ingest is not in this version: unset it`,
      ]);
    },
  );

  it('names every problem at once, unknown names among them', () => {
    const problems = problemsOf({
      ROOMCAST_HTTP_PORT: 'x',
      ROOMCAST_LOG_LEVEL: 'loud',
      ROOMCAST_HTPP_PORT: '80',
      ROOMCAST_COLOUR: 'red',
      SOMETHING_ELSE: '1',
    }).join('\n');
    for (const name of [
      'ROOMCAST_HTTP_PORT',
      'ROOMCAST_LOG_LEVEL',
      'ROOMCAST_HTPP_PORT',
      'ROOMCAST_COLOUR',
    ]) {
      expect(problems).toContain(name);
    }
    expect(problems).not.toContain('SOMETHING_ELSE');
  });

  it('wants two different ports unless they are free to choose', () => {
    expect(problemsOf({ ROOMCAST_HTTP_PORT: '9000', ROOMCAST_RTMP_PORT: '9000' })).toHaveLength(1);
    expect(problemsOf({ ROOMCAST_HTTP_PORT: '0', ROOMCAST_RTMP_PORT: '0' })).toEqual([]);
  });

  it('never repeats a secret in what it says', () => {
    const said = problemsOf({
      ROOMCAST_CLUSTER_SECRET: 'pa55word',
      ROOMCAST_REDIS_URL: 'http://user:pa55word@host',
    }).join('\n');
    expect(said).toContain('ROOMCAST_REDIS_URL');
    expect(said).not.toContain('pa55word');
  });

  it.each([
    ['cannot be read', () => path.join(folder, 'absent.pem')],
    ['holds no certificate', () => caFile(['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'])],
    ['holds a certificate that is damaged', () => caFile([ROOT_CERTIFICATE, damaged(ROOT_CERTIFICATE)])],
  ])('refuses a file of authorities that %s', (problem, file) => {
    const problems = problemsOf({ ROOMCAST_CA_FILE: file() });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`ROOMCAST_CA_FILE ${problem}`);
  });

  it('takes a file of several authorities with words between them', () => {
    const file = caFile(['# ours', ROOT_CERTIFICATE, 'another', rootCertificates[1] ?? '']);
    expect(loadConfig({ ROOMCAST_CA_FILE: path.relative('.', file) }).caFile).toBe(file);
  });

  it('drops slashes at the end of public URLs', () => {
    const config = loadConfig({
      ROOMCAST_PUBLIC_URL: 'https://live.example.com/',
      ROOMCAST_PUBLIC_RTMP_URL: 'rtmp://live.example.com//',
    });
    expect([config.publicUrl, config.publicRtmpUrl]).toEqual([
      'https://live.example.com',
      'rtmp://live.example.com',
    ]);
  });

  it('gives the same config again from the environment it writes for children', () => {
    const full = {
      ROOMCAST_HTTP_PORT: '8081',
      ROOMCAST_RTMP_PORT: '0',
      ROOMCAST_BIND: '127.0.0.1',
      ROOMCAST_DATA_DIR: '/srv/roomcast',
      ROOMCAST_REDIS_URL: 'redis://:pw@localhost:6379',
      ROOMCAST_PUBLIC_URL: 'https://live.example.com',
      ROOMCAST_PUBLIC_RTMP_URL: 'rtmp://live.example.com',
      ROOMCAST_INTERNAL_HOST: 'gateway-1',
      ROOMCAST_CLUSTER_SECRET: 'sixteen characters',
      ROOMCAST_LOG_LEVEL: 'debug',
      ROOMCAST_VIDEO_ENCODER: 'auto',
      ROOMCAST_LOST_USER_GRACE_SECONDS: '5',
      ROOMCAST_PICTURE_NETWORKS: '10.20.0.0/16,fd00::/8',
      ROOMCAST_MIX_ADMISSION: 'off',
      ROOMCAST_CA_FILE: caFile([ROOT_CERTIFICATE]),
    };
    expect(toEnvironment(loadConfig(full))).toEqual(full);
  });
});

describe('.env.example', () => {
  it('shows every variable, and parses', () => {
    const lines = exampleLines();
    const here = ENVIRONMENT_NAMES.filter((name) => !/RTMPS|TLS/.test(name));
    expect([...lines.keys()].sort()).toEqual([...here].sort());
    lines.delete('ROOMCAST_CA_FILE'); // names a file that need not be on this machine
    expect(problemsOf(Object.fromEntries(lines))).toEqual([]);
  });
});

describe('effectiveSettings', () => {
  it('shows every variable and hides what is secret', () => {
    const config = loadConfig({
      ROOMCAST_REDIS_URL: 'redis://user:pa55word@redis.example:6379/2',
      ROOMCAST_CLUSTER_SECRET: 'a pa55word that is long',
    });
    const shown = effectiveSettings(config);
    expect(shown['ROOMCAST_REDIS_URL']).toBe('redis://[hidden]@redis.example:6379/2');
    expect(Object.keys(shown).sort()).toEqual(
      ENVIRONMENT_NAMES.filter((name) => !/RTMPS|TLS/.test(name)).sort(),
    );
    expect(JSON.stringify(shown)).not.toContain('pa55word');
  });
});
