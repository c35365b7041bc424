import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A picture file that FFmpeg draws by this filter graph: one frame, or a second of them. */
export async function makePicture(graph: string, encoding: readonly string[], frames = 1): Promise<Buffer> {
  const input = ['-v', 'error', '-f', 'lavfi', '-i', graph, '-frames:v', String(frames)];
  const { stdout } = await run('ffmpeg', [...input, ...encoding, '-'], {
    encoding: 'buffer',
    maxBuffer: 64 * 1024 ** 2,
  });
  return stdout;
}

export const PNG = ['-c:v', 'png', '-f', 'image2pipe'];

type Answer = Buffer | ((response: ServerResponse, requests: number) => void);

/** An HTTP server of the test's own. */
export interface PictureServer {
  /** Answers at this path from now on; its URL. */
  serve(path: string, answer: Answer): string;
  /** How often this path was asked for. */
  requests(path: string): number;
  close(): Promise<void>;
}

export async function startPictureServer(): Promise<PictureServer> {
  const answers = new Map<string, Answer>();
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    const answer = answers.get(path);
    if (answer === undefined) response.writeHead(404).end();
    else if (typeof answer === 'function') answer(response, count);
    else response.writeHead(200, { 'content-length': answer.length }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    serve(path, answer) {
      answers.set(path, answer);
      return `http://127.0.0.1:${port}${path}`;
    },
    requests: (path) => counts.get(path) ?? 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An HTTPS server with a certificate of its own, which answers everything with the same bytes. */
export interface SecurePictures {
  readonly url: string;
  readonly connections: number;
  readonly requests: number;
  /** What is started meanwhile has the certificate among those of its environment. */
  trusted<T>(run: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function startSecurePictures(answer: Buffer): Promise<SecurePictures> {
  const folder = await mkdtemp(path.join(tmpdir(), 'roomcast-tls-'));
  const [key, authority] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await run('openssl', ['req', ...made, ...subject, '-keyout', key, '-out', authority]);
  let [connections, requests] = [0, 0];
  const identity = { key: await readFile(key), cert: await readFile(authority) };
  const server = createSecureServer(identity, (_request, response) => {
    requests += 1;
    response.end(answer);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    async trusted(start) {
      const before = process.env['NODE_EXTRA_CA_CERTS'];
      process.env['NODE_EXTRA_CA_CERTS'] = authority;
      try {
        return await start();
      } finally {
        if (before === undefined) delete process.env['NODE_EXTRA_CA_CERTS'];
        else process.env['NODE_EXTRA_CA_CERTS'] = before;
      }
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}
