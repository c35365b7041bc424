import { z } from 'zod';
import { checkAnswer } from '../api/operator/target-schema.ts';
import { loadConfig } from '../config/env.ts';
import { GatewayError } from '../domain/errors.ts';
import { describeLimits } from '../domain/push/limit-warnings.ts';
import { limitsOf, readDestination } from '../domain/push/platforms.ts';
import { showRtmpUrl } from '../domain/push/rtmp-url.ts';
import { checkDestination } from '../media/push/preflight.ts';
import { createTrust } from '../media/rtmp/trust.ts';
import { type ApiClient, openApi } from './api-client.ts';
import { type CommandIo, parseCommandArgs } from './command.ts';
import { asUsage, onlyArgument, readListed } from './options.ts';
import { alignTable } from './table.ts';

type Check = z.output<typeof checkAnswer>;

function lines({ url, steps, limits }: Check): readonly string[] {
  const rows = steps.map(({ step, ok, ms }) => [step, ok ? 'done' : 'failed', `${ms} ms`]);
  return [
    url,
    ...alignTable(['STEP', '', 'TOOK'], rows),
    ...(limits.length === 0 ? [] : [`it takes: ${limits.join('; ')}`]),
  ];
}

/** The operator API of the roomcast that runs here; null when none does. */
async function runningApi(io: CommandIo): Promise<ApiClient | null> {
  try {
    const api = await openApi(io);
    await api.call({ method: 'GET', path: '/workers', answer: z.unknown() });
    return api;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'unreachable') return null;
    throw error;
  }
}

async function checkFromHere(text: string, io: CommandIo): Promise<Check> {
  const { url, platform } = readDestination(text);
  const trust = createTrust(loadConfig(io.env).caFile);
  const { ok, steps, error } = await checkDestination(url, { trust, signal: io.signal });
  return { url: showRtmpUrl(url), ok, steps: [...steps], error, limits: describeLimits(limitsOf(platform)) };
}

/** `relay check TARGET`: what is wrong and what to do goes to stderr, as of every command that failed. */
export async function checkRelay(argv: readonly string[], io: CommandIo): Promise<void> {
  const { values, positionals } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } }, true);
  const given = await readListed([onlyArgument(positionals, 'target')], io.stdin);
  const url = onlyArgument(given, 'target');
  asUsage('TARGET', () => readDestination(url));
  const api = await runningApi(io);
  const check = api
    ? await api.call({ method: 'POST', path: '/relays/check', body: { url }, answer: checkAnswer })
    : await checkFromHere(url, io);
  if (values.json) io.stdout(JSON.stringify(check));
  else lines(check).forEach(io.stdout);
  if (check.error === null) return;
  const { message, advice } = check.error;
  throw new GatewayError('unreachable', `${message}. ${advice}`, { blame: 'destination' });
}
