import { loadConfig } from '../config/env.ts';
import { type Command, parseCommandArgs } from './command.ts';

export const workerCommand: Command = {
  name: 'worker',
  usage: 'worker [--json]',
  summary: 'Run one worker (mixes, pushes, recordings, HLS) against ROOMCAST_REDIS_URL.',
  help: ['Prints `ready`, or with --json {"ready":true}, when it takes jobs.'],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const config = loadConfig(io.env);
    const { runWorker } = await import('../../jobs/worker.ts');
    await runWorker({
      config,
      log: io.log('worker', config.logLevel),
      signal: io.signal,
      onReady: () => {
        io.stdout(values.json ? '{"ready":true}' : 'ready');
        io.parent?.send({ type: 'ready' });
      },
    });
    return 0;
  },
};
