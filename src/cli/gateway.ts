import { setFlagsFromString } from 'node:v8';
import { loadConfig } from '../config/env.ts';
import { type Command, parseCommandArgs } from './command.ts';
import { firstPublishLines, readyLine } from './ready-line.ts';

/**
 * Packets of the streams live for a second or two. V8 would collect the whole heap for every 4 MB of them, several times
 * a second; with room for twice of what is in use it does so when that has come, at 0.6 of the CPU for 50 streams.
 */
const HEAP_GROWTH = '--heap-growing-percent=200';

export const gatewayCommand: Command = {
  name: 'gateway',
  usage: 'gateway [--json]',
  summary: 'Run one gateway (RTMP, HTTP, rooms, watcher) against ROOMCAST_REDIS_URL.',
  help: ['Prints the same line as `start` when it serves.'],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const config = loadConfig(io.env);
    setFlagsFromString(HEAP_GROWTH);
    const { runGateway } = await import('../gateway.ts');
    await runGateway({
      config,
      log: io.log('gateway', config.logLevel),
      signal: io.signal,
      parent: io.parent,
      onReady: (facts, firstApps) => {
        if (firstApps !== null) firstPublishLines(firstApps, facts.rtmp).forEach(io.stderr);
        io.stdout(readyLine(facts, values.json));
      },
    });
    return 0;
  },
};
