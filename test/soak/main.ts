import { parseArgs } from 'node:util';
import type { SoakContext, SoakReport } from './context.ts';

const USAGE = `usage: npm run soak -- sync [--minutes 10] [--json]
       npm run soak -- churn [--minutes 20] [--json]
       npm run soak -- interruptions [--seconds 60] [--runs 1] [--seed N] [--json]
`;

interface Options {
  readonly minutes: number | undefined;
  readonly seconds: number | undefined;
  readonly runs: number;
  readonly seed: number | undefined;
}

type Soak = (options: Options, context: SoakContext) => Promise<SoakReport>;

interface ManyRuns extends SoakReport {
  readonly reports: readonly SoakReport[];
}

async function runManyInterruptions(options: Options, context: SoakContext): Promise<SoakReport | ManyRuns> {
  const { runInterruptions } = await import('./interruptions.ts');
  const first = options.seed ?? Math.floor(Math.random() * 1_000_000);
  const { seconds = 60, runs } = options;
  const reports: SoakReport[] = [];
  for (let seed = first; seed < first + runs; seed += 1) {
    context.say(`seed ${seed}`);
    const report = await runInterruptions({ seconds, seed }, context);
    reports.push(report);
    if (runs > 1) context.say(JSON.stringify(report));
  }
  const [only] = reports;
  if (only && reports.length === 1) return only;
  const broken = reports.flatMap((report, at) => report.broken.map((text) => `seed ${first + at}: ${text}`));
  return { soak: 'interruptions', seconds: seconds * runs, broken, reports };
}

const SOAKS: Readonly<Record<string, Soak>> = {
  sync: async ({ minutes = 10 }, context) =>
    (await import('./sync.ts')).runSync({ seconds: Math.round(minutes * 60) }, context),
  churn: async ({ minutes = 20 }, context) =>
    (await import('./churn.ts')).runChurn(
      {
        ...{ seconds: Math.round(minutes * 60), everySeconds: 10, memoryTolerance: 0.05 },
        ...{ compareFromSeconds: 60, windowSeconds: 60 },
      },
      context,
    ),
  interruptions: runManyInterruptions,
};

function positive(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${text} is no number above 0`);
  return value;
}

/** Ends at the first signal: what was started is closed as at the end of a run. */
function abortAtSignals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

async function runSoak(soak: Soak, options: Options, isJson: boolean): Promise<void> {
  const signal = abortAtSignals();
  const say = (line: string) => isJson || process.stdout.write(`${line}\n`);
  try {
    const report = await soak(options, { say, signal });
    process.stdout.write(isJson ? `${JSON.stringify(report)}\n` : `${JSON.stringify(report, null, 2)}\n`);
    if (report.broken.length > 0) process.exitCode = 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stderr.write('ended by a signal\n');
    process.exitCode = 1;
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      runs: { type: 'string', default: '1' },
      seed: { type: 'string' },
    },
  });
  const soak = SOAKS[positionals[0] ?? ''];
  if (values.help || !soak) {
    process.stderr.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const options: Options = {
    minutes: positive(values.minutes),
    seconds: positive(values.seconds),
    runs: positive(values.runs) ?? 1,
    seed: positive(values.seed),
  };
  await runSoak(soak, options, values.json);
}

await main();
