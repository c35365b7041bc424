import { parseArgs } from 'node:util';

const USAGE = `usage: npm run bench -- relay [--targets 50] [--streams 50] [--hold 200] [--merge 100,40,0] [--seconds 6] [--rounds 5] [--json]
       npm run bench -- mix [--inputs 1,2,4,9,16] [--programmes 8] [--seconds 10] [--json]
       npm run bench -- rooms [--users 10000] [--rooms 1000] [--changes 200] [--seconds 20] [--json]
`;

interface Options {
  readonly targets: number;
  readonly streams: number;
  readonly hold: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly mergeMs: readonly number[];
  readonly inputs: readonly number[];
  readonly programmes: number;
  readonly users: number;
  readonly rooms: number;
  readonly changes: number;
}

/** Every bench answers with one object that has its rows in `results`. */
type Bench = (
  options: Options,
) => Promise<{ readonly results: readonly object[]; readonly summary?: string }>;

const BENCHES: Readonly<Record<string, Bench>> = {
  mix: async (options) => (await import('./mix.ts')).runMixBench(options),
  relay: async (options) => (await import('./relay.ts')).runRelayBench(options),
  rooms: async (options) => (await import('./rooms.ts')).runRoomsBench(options),
};

/** Of each bench that is measured for another time than 10 s. */
const SECONDS: Readonly<Record<string, string>> = { relay: '6', rooms: '20' };

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is no number above 0`);
  return value;
}

function orNone(text: string): number {
  return text === '0' ? 0 : wholeNumber(text);
}

/** Lengths of merge windows in ms, as a push takes them. */
function mergeWindows(text: string): number[] {
  const windows = text.split(',').map(Number);
  if (windows.some((ms) => !Number.isInteger(ms) || ms < 0 || ms > 350))
    throw new Error(`${text} are no merge windows of 0 to 350 ms`);
  return windows;
}

function table(rows: readonly object[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map((row) => Object.values(row).map(String))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n');
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      targets: { type: 'string', default: '50' },
      streams: { type: 'string', default: '50' },
      hold: { type: 'string', default: '200' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string' },
      merge: { type: 'string', default: '100,40,0' },
      inputs: { type: 'string', default: '1,2,4,9,16' },
      programmes: { type: 'string', default: '8' },
      users: { type: 'string', default: '10000' },
      rooms: { type: 'string', default: '1000' },
      changes: { type: 'string', default: '200' },
    },
  });
  const bench = BENCHES[positionals[0] ?? ''];
  if (values.help || !bench) {
    process.stderr.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const result = await bench({
    targets: wholeNumber(values.targets),
    streams: wholeNumber(values.streams),
    hold: orNone(values.hold),
    rounds: wholeNumber(values.rounds),
    seconds: wholeNumber(values.seconds ?? SECONDS[positionals[0] ?? ''] ?? '10'),
    mergeMs: mergeWindows(values.merge),
    inputs: values.inputs.split(',').map(wholeNumber),
    programmes: orNone(values.programmes),
    users: wholeNumber(values.users),
    rooms: wholeNumber(values.rooms),
    changes: wholeNumber(values.changes),
  });
  process.stdout.write(
    values.json ? `${JSON.stringify(result)}\n` : `${table(result.results)}\n${result.summary ?? ''}`,
  );
}

await main();
