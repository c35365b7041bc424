import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { probeFile } from '../support/media-checks.ts';
import { descendants, type ProcessInfo, survivors } from '../support/process-tree.ts';

const MAIN = path.resolve(import.meta.dirname, '../../dist/src/main.js');
const SECONDS = 15;

interface Summary {
  readonly seconds: number;
  readonly targets: readonly { readonly url: string; readonly state: string; readonly frames: number }[];
  readonly recording: { readonly path: string; readonly durationMs: number; readonly onAirMs: number };
  readonly playback: { readonly flv: string | null; readonly hls: string | null };
}

const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-demo-test-'));
afterAll(() => rm(dir, { recursive: true, force: true }));

it('the demo shows a mixed room at two servers, recorded and watched, and leaves nothing running', async () => {
  const demo = spawn('node', [MAIN, 'demo', '--seconds', String(SECONDS), '--json'], { cwd: dir });
  let stdout = '';
  let stderr = '';
  const seen = new Map<number, ProcessInfo>();
  const watch = setInterval(() => {
    for (const info of descendants(demo.pid ?? 0)) seen.set(info.pid, info);
  }, 500);
  demo.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  demo.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = (await once(demo, 'exit')) as [number];
  clearInterval(watch);
  expect(code, stderr.slice(-3000)).toBe(0);
  const lines = stdout.trim().split('\n');
  const summary = JSON.parse(lines.at(-1) ?? '') as Summary;

  expect(summary.targets).toHaveLength(2);
  for (const target of summary.targets) {
    expect(target.state).toBe('live');
    expect(target.frames).toBeGreaterThan(SECONDS * 30 * 0.8);
  }
  expect(summary.playback.flv).toContain('.flv');
  expect(summary.playback.hls).toContain('.m3u8');
  expect((await stat(summary.recording.path)).size).toBeGreaterThan(100_000);
  const probe = await probeFile(summary.recording.path);
  expect(probe.errors).toBe('');
  expect(Math.abs(probe.durationMs - summary.recording.onAirMs)).toBeLessThan(1000);
  expect(seen.size).toBeGreaterThan(5);
  expect(survivors([...seen.values()])).toEqual([]);
  await rm(summary.recording.path, { force: true });
});
