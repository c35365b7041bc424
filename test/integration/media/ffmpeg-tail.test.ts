import { pino } from 'pino';
import { expect, it } from 'vitest';
import { startFfmpeg } from '../../../src/media/ffmpeg/process.ts';

it('a stream key in a line without end stays out of what is kept of stderr', async () => {
  // Three writes of one line, so that it does not come in one piece.
  const script = `
    const key = 'rtmp://server.example/live/' + 's3cret'.repeat(100);
    const cut = (from, to) => process.stderr.write('s3cret'.repeat(200).slice(from, to));
    process.stderr.write(key, () => setTimeout(() => { cut(0, 600); setTimeout(() => cut(600, 1200), 50); }, 50));
  `;
  const child = startFfmpeg({
    args: ['-e', script],
    binary: process.execPath,
    log: pino({ level: 'silent' }),
    name: 'talker',
    stdin: 'ignore',
    stdout: 'ignore',
  });
  const { tail, outcome } = await child.exited;
  expect(outcome).toBe('finished');
  expect(tail).toEqual(['rtmp://server.example/live/[hidden]']);
});
