import { loadConfig } from '../config/env.ts';
import { type Command, parseCommandArgs } from './command.ts';
import { firstPublishLines, readyLine } from './ready-line.ts';

export const gatewayCommand: Command = {
  name: 'gateway',
  usage: 'gateway [--json]',
  summary: 'Run one gateway (RTMP, HTTP, rooms, watcher) against ROOMCAST_REDIS_URL.',
  help: ['Prints the same line as `start` when it serves.'],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const config = loadConfig(io.env);
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
