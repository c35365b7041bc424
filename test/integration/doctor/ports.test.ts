import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/env.ts';
import { writeRunFile } from '../../../src/config/run-file.ts';
import { examineMachine, type Finding } from '../../../src/doctor/machine-findings.ts';
import { makeTestDir } from '../../support/roomcast.ts';

describe('doctor finds a port taken', () => {
  let server: Server;
  let port: number;

  beforeAll(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });

  afterAll(() => {
    server.close();
  });

  const httpFinding = async (dataDir: string): Promise<Finding | undefined> => {
    const findings = await examineMachine({
      config: loadConfig({
        ROOMCAST_BIND: '127.0.0.1',
        ROOMCAST_DATA_DIR: dataDir,
        ROOMCAST_HTTP_PORT: String(port),
        ROOMCAST_RTMP_PORT: '0',
      }),
      searchPath: process.env['PATH'] ?? '',
      nodeVersion: process.versions.node,
      log: pino({ level: 'silent' }),
    });
    return findings.find((finding) => finding.what === 'ROOMCAST_HTTP_PORT');
  };

  const runFile = (pid: number) => ({
    ready: true as const,
    http: `http://127.0.0.1:${port}`,
    rtmp: 'rtmp://127.0.0.1:1935',
    localHttp: `http://127.0.0.1:${port}`,
    pid,
  });

  it('a problem when another program has it', async () => {
    const found = await httpFinding(await makeTestDir('doctor'));
    expect(found).toMatchObject({ ok: false, needed: true, found: `${port}: EADDRINUSE` });
  });

  it('all right when the roomcast of this data dir has it', async () => {
    const dataDir = await makeTestDir('doctor');
    await writeRunFile(dataDir, runFile(process.pid));
    expect(await httpFinding(dataDir)).toMatchObject({ ok: true });
  });

  it('a problem when that roomcast is dead and only its run.json is left', async () => {
    const dataDir = await makeTestDir('doctor');
    await writeRunFile(dataDir, runFile(2 ** 22 + 1)); // above the largest pid of Linux
    expect(await httpFinding(dataDir)).toMatchObject({ ok: false });
  });
});
