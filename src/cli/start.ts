import { loadConfig } from '../config/env.ts';
import { type Command, parseCommandArgs } from './command.ts';
import { firstPublishLines, readyLine } from './ready-line.ts';

export const startCommand: Command = {
  name: 'start',
  usage: 'start [--json]',
  summary: 'Run everything on this machine: Redis if none is set, a gateway and a worker.',
  help: [
    'Prints one line when all is up: `ready` and the URLs, or with --json {"ready":true,"http":...,"rtmp":...}.',
    'SIGTERM and SIGINT end it in order, recordings closed; a second signal ends it at once.',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const config = loadConfig(io.env);
    const { runAllInOne } = await import('../all-in-one.ts');
    await runAllInOne({
      config,
      script: io.script,
      env: io.env,
      log: io.log('supervisor', config.logLevel),
      signal: io.signal,
      hurry: io.hurry,
      onReady: (facts, firstApps) => {
        if (firstApps !== null) firstPublishLines(firstApps, facts.rtmp).forEach(io.stderr);
        io.stdout(readyLine(facts, values.json));
      },
    });
    return 0;
  },
};
