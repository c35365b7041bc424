import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pino } from 'pino';
import type { MixStatus } from '../../src/domain/job.ts';
import type { LayoutSpec } from '../../src/domain/layout/spec.ts';
import type { MixEvent } from '../../src/domain/mix-event.ts';
import type { ProgrammeSpec } from '../../src/domain/programme.ts';
import type { Blocked } from '../../src/domain/room.ts';
import type { Encoders } from '../../src/media/ffmpeg/capabilities.ts';
import { launchProgramme, type ProgrammeChild } from '../../src/media/programme/launcher.ts';
import type { SourceInput, Sources } from '../../src/media/programme/protocol.ts';
import { eventually } from './eventually.ts';
import { type FlvSource, startFlvSource } from './flv-source.ts';

/** A real programme process and what it is told; its cameras play in a small HTTP-FLV source. */
export interface ToldProgramme {
  readonly source: FlvSource;
  readonly child: ProgrammeChild;
  /** In the layout last shown; `ann-screen` is the screen of user ann, any other stream a user's camera. */
  show(streamIds: readonly string[], layout?: LayoutSpec): void;
  /** Changes a part of the programme; the rest stays. */
  change(part: Partial<ProgrammeSpec>): void;
  /** What the room lets nobody hear or see of a stream. */
  block(streamId: string, blocked: Blocked): void;
  /** All that the programme noticed so far. */
  readonly events: readonly MixEvent[];
  status(): MixStatus | null;
  /** Resolves when the status is as asked. */
  until(check: (status: MixStatus) => boolean, deadlineMs?: number): Promise<MixStatus>;
  /** Pids of the programme's FFmpeg children whose command line has the text. */
  children(text: string): number[];
  close(): Promise<void>;
}

const SCREEN = '-screen';

function refOf(streamId: string) {
  const isScreen = streamId.endsWith(SCREEN);
  const userId = isScreen ? streamId.slice(0, -SCREEN.length) : streamId;
  return { streamId, userId, stream: isScreen ? ('aux' as const) : ('main' as const) };
}

/** From a test file, and from the same file when it is built. */
const BUILT = import.meta.filename.endsWith('.js') ? '../..' : '../../dist';
export const PROGRAMME_ENTRY = path.resolve(import.meta.dirname, BUILT, 'src/media/programme/main.js');

/** Starts a programme that publishes to this URL. */
export async function startToldProgramme(
  publishUrl: string,
  spec: ProgrammeSpec,
  encoders: Encoders = { video: 'libx264', heAac: null },
): Promise<ToldProgramme> {
  const source = await startFlvSource();
  let status: MixStatus | null = null;
  let sources: Sources = { publishUrl, inputs: [], programme: spec, programmeRevision: 1 };
  const events: MixEvent[] = [];
  const child = launchProgramme({
    entry: PROGRAMME_ENTRY,
    timelineStartedAt: Date.now(),
    log: pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination(2)),
    sources,
    // The tests' own servers.
    pictureNetworks: ['127.0.0.0/8'],
    encoders,
    onEvent: (event) => events.push(event),
    onStatus: (next) => {
      status = next;
    },
  });
  const tell = (next: Partial<Sources>): void => {
    sources = { ...sources, ...next, programmeRevision: sources.programmeRevision + 1 };
    child.update(sources);
  };
  return {
    source,
    child,
    show(streamIds, layout = sources.programme.layout) {
      const inputs = streamIds.map((streamId) => ({ ...refOf(streamId), url: source.url(streamId) }));
      tell({ inputs, programme: { ...sources.programme, layout } });
    },
    change: (part) => tell({ programme: { ...sources.programme, ...part } }),
    block(streamId, blocked) {
      const blockedOf = (input: SourceInput) => (input.streamId === streamId ? { ...input, blocked } : input);
      tell({ inputs: sources.inputs.map(blockedOf) });
    },
    events,
    status: () => status,
    until: (check, deadlineMs = 30_000) =>
      eventually(() => (status && check(status) ? status : null), deadlineMs),
    children(text) {
      const lines = execFileSync('pgrep', ['-a', '-P', String(child.pid)])
        .toString()
        .split('\n');
      return lines.filter((line) => line.includes(text)).map((line) => Number(line.split(' ')[0]));
    },
    async close() {
      await child.stop();
      await source.close();
    },
  };
}
