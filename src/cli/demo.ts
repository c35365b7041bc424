import { type Command, parseCommandArgs, UsageError } from './command.ts';
import { parseCount } from './options.ts';

const DEFAULT_SECONDS = 60;
const MIN_SECONDS = 5;
const MAX_SECONDS = 3600;

function parseSeconds(text: string | undefined): number {
  if (text === undefined) return DEFAULT_SECONDS;
  const seconds = parseCount('--seconds', text);
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) {
    throw new UsageError(`--seconds is ${MIN_SECONDS} to ${MAX_SECONDS}`);
  }
  return seconds;
}

export const demoCommand: Command = {
  name: 'demo',
  usage: 'demo [--seconds N] [--json]',
  summary: 'Show it all on this machine: three users, mixed, pushed to two servers, recorded and watched.',
  help: [
    `Is on the air for N seconds, ${DEFAULT_SECONDS} by default; Ctrl-C ends it early. It needs ffmpeg, redis-server and`,
    'nginx with its RTMP module, uses free ports and a temporary data dir, and leaves nothing but the recording,',
    'roomcast-demo-<time>.mp4 in the current folder. Exits with 0 when all of it worked.',
    'The last line on stdout, with or without --json, is the summary:',
    '{"seconds","targets":[{"url","state","frames"}],"recording":{"path","durationMs","onAirMs"},"playback":{"flv","hls"}}',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, {
      seconds: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const seconds = parseSeconds(values.seconds);
    const [{ runDemo }, { findFaults }] = await Promise.all([
      import('../demo/run-demo.ts'),
      import('../demo/summary.ts'),
    ]);
    try {
      const summary = await runDemo({
        seconds,
        script: io.script,
        env: io.env,
        signal: io.signal,
        hurry: io.hurry,
        log: io.log('demo', 'warn'),
        say: io.stderr,
        isTerminal: process.stderr.isTTY,
      });
      const faults = findFaults(summary);
      for (const fault of faults) io.stderr(`fault: ${fault}`);
      io.stderr(
        faults.length === 0 ? `all is right; recorded to ${summary.recording.path}` : 'not all is right',
      );
      io.stdout(JSON.stringify(summary));
      return faults.length === 0 ? 0 : 1;
    } catch (error) {
      if (!io.signal.aborted) throw error;
      io.stderr('ended early: everything of the demo is stopped');
      return 1;
    }
  },
};
