import { loadConfig } from '../config/env.ts';
import { GatewayError } from '../domain/errors.ts';
import { showRtmpUrl } from '../domain/push/rtmp-url.ts';
import { checkDestination, type DestinationCheck } from '../media/push/preflight.ts';
import { createTrust } from '../media/rtmp/trust.ts';
import { type CommandIo, parseCommandArgs } from './command.ts';
import { onlyArgument, readUrls } from './options.ts';
import { alignTable } from './table.ts';

function stepLines({ steps }: DestinationCheck): readonly string[] {
  return alignTable(
    ['STEP', '', 'TOOK'],
    steps.map(({ step, ok, ms }) => [step, ok ? 'done' : 'failed', `${ms} ms`]),
  );
}

/** `relay check URL`: what is wrong and what to do goes to stderr, as of every command that failed. */
export async function checkRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } }, true);
  const config = loadConfig(io.env);
  const urls = await readUrls('URL', [onlyArgument(positionals, 'URL')], io.stdin);
  const url = onlyArgument(urls, 'URL');
  const check = await checkDestination(url, { trust: createTrust(config.caFile), signal: io.signal });
  if (values.json) io.stdout(JSON.stringify({ url: showRtmpUrl(url), ...check }));
  else [showRtmpUrl(url), ...stepLines(check)].forEach(io.stdout);
  if (check.error === null) return;
  const { code, message, advice } = check.error;
  throw new GatewayError(code, `${message}. ${advice}`, { blame: 'destination' });
}
