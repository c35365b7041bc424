import { loadClusterSecret } from '../config/cluster-secret.ts';
import { lockDataDir, makeDataDir, ROLE_END_MS } from '../config/data-dir.ts';
import { loadConfig, requireRedisUrl } from '../config/env.ts';
import { GatewayError } from '../domain/errors.ts';
import { untilAborted } from '../supervisor/until-aborted.ts';
import { type Command, type CommandIo, parseCommandArgs } from './command.ts';

/** Starts anew for as long as only Redis is missing; null when asked to end meanwhile. */
async function untilStarted<T>(start: () => Promise<T>, io: CommandIo): Promise<T | null> {
  while (!io.signal.aborted) {
    try {
      return await start();
    } catch (error) {
      // Each try waits for Redis for seconds by itself, and the outage was logged.
      if (!(error instanceof GatewayError && error.code === 'redis-away')) throw error;
    }
  }
  return null;
}

export const workerCommand: Command = {
  name: 'worker',
  usage: 'worker [--json]',
  summary: 'Run one worker (mixes, pushes, recordings, HLS) against ROOMCAST_REDIS_URL.',
  help: ['Prints `ready`, or with --json {"ready":true}, when it takes jobs.'],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const config = loadConfig(io.env);
    const redisUrl = requireRedisUrl(config);
    await makeDataDir(config.dataDir);
    if (io.parent !== null) {
      // An earlier worker may still be closing its recordings: its supervisor was killed.
      await lockDataDir(config.dataDir, { part: 'worker', waitMs: ROLE_END_MS });
    }
    const clusterSecret = await loadClusterSecret(config);
    const log = io.log('worker', config.logLevel);
    const [{ startWorker }, { createHandlers }] = await Promise.all([
      import('../../jobs/worker.ts'),
      import('../../jobs/handlers.ts'),
    ]);
    const handlers = createHandlers(config, log);
    const { dataDir, mixAdmission, videoEncoder } = config;
    const worker = await untilStarted(
      () => startWorker({ redisUrl, clusterSecret, dataDir, handlers, mixAdmission, videoEncoder, log }),
      io,
    );
    if (worker === null) return 0;
    io.stdout(values.json ? '{"ready":true}' : 'ready');
    io.parent?.send({ type: 'ready' });
    await untilAborted(io.signal);
    await worker.drain();
    return 0;
  },
};
