import { execFile } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
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
