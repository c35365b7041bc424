import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import type { JobContext, JobHandler } from '../../jobs/job-context.ts';
import { startWorker } from '../../jobs/worker.ts';
import { GatewayError } from '../../src/domain/errors.ts';
import type { JobOutcome } from '../../src/domain/job.ts';
import { Secret } from '../../src/domain/secret.ts';

// A worker in a process of its own, whose handlers write what happens to a file: `node queue-worker.js URL FILE SPARE MACHINE ADMISSION`.
// Tasks steer it: a maxIdleSeconds of 13 makes its push fail at once. SPARE is a file with the cores that MACHINE has to spare.
const [url = '', file = '', spareFile = '', machine = '', admission = ''] = process.argv.slice(2);
const CORES = 4;
const FAILING = 13;

function write(event: string, context: JobContext, more: Record<string, unknown> = {}): void {
  const { job, epoch } = context;
  const line = { event, at: Date.now(), worker: process.pid, kind: job.kind, id: job.id, epoch, ...more };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

const untilStopped: JobHandler = async (context) => {
  write('begin', context);
  const task = await context.facts.getTask(context.job.id);
  if (task?.maxIdleSeconds === FAILING)
    throw new GatewayError('internal', 'told to fail', { blame: 'system' });
  context.report({ kind: 'push', source: 'waiting', targets: [] });
  const stopListening = context.onUpdate(() => {
    void context.facts
      .getTask(context.job.id)
      .then((now) => write('update', context, { revision: now?.revision }));
  });
  await new Promise<void>((resolve) => {
    context.signal.addEventListener('abort', () => resolve(), { once: true });
    if (context.signal.aborted) resolve();
  });
  stopListening();
  write('end', context, { reason: context.signal.reason });
  return { result: context.signal.reason === 'fenced' ? 'fenced' : 'stopped' };
};

async function atOnce(context: JobContext): Promise<JobOutcome> {
  write('begin', context);
  await context.facts.saveRecording({
    taskId: context.job.id,
    state: 'ready',
    onAirMs: 1,
    files: [],
    error: null,
  });
  write('end', context, { reason: 'done' });
  return { result: 'done' };
}

async function recordThenFinalise(context: JobContext): Promise<JobOutcome> {
  const outcome = await untilStopped(context);
  await context.facts.requestJob({ kind: 'finalise', id: context.job.id });
  return outcome;
}

const worker = await startWorker({
  redisUrl: new Secret(url),
  clusterSecret: new Secret('test'),
  dataDir: path.dirname(file),
  handlers: {
    mix: untilStopped,
    push: untilStopped,
    hls: untilStopped,
    record: recordThenFinalise,
    finalise: atOnce,
  },
  mixAdmission: admission === 'off' ? 'off' : 'measured',
  meter: {
    machine,
    cores: CORES,
    spareCores: () => Number(readFileSync(spareFile, 'utf8')),
    stop: () => undefined,
  },
  log: pino({ level: process.env['LOG'] ?? 'silent' }, pino.destination(2)),
});
process.once('SIGTERM', () => void worker.drain().then(() => process.exit(0)));
// Whoever started it is gone when this closes.
process.stdin.on('end', () => process.exit(1)).resume();
process.stdout.write(`${worker.workerId}\n`);
