import { playUrlAnswer } from '../api/operator/schemas.ts';
import { apiPath, openApi } from './api-client.ts';
import { type Command, parseCommandArgs } from './command.ts';
import { onlyArgument } from './options.ts';

export const playUrlCommand: Command = {
  name: 'play-url',
  usage: 'play-url STREAM [--json]',
  summary: 'Print where a stream is watched by RTMP, HTTP-FLV and HLS, with a ticket for 24 hours.',
  help: [
    'STREAM is what `relay start` and `rooms` print: <sdkAppId>_<room>_<user>_main or _aux.',
    'With --json: {"streamId":...,"rtmp":...,"flv":...,"hls":...,"expiresAt":unix ms}',
  ],
  run: async (argv, io) => {
    const { values, positionals } = parseCommandArgs(
      argv,
      { json: { type: 'boolean', default: false } },
      true,
    );
    const stream = onlyArgument(positionals, 'stream');
    const api = await openApi(io);
    const urls = await api.call({
      method: 'GET',
      path: apiPath('streams', stream, '/play-url'),
      answer: playUrlAnswer,
    });
    if (values.json) io.stdout(JSON.stringify(urls));
    else {
      io.stdout(`RTMP  ${urls.rtmp}`);
      io.stdout(`FLV   ${urls.flv}`);
      io.stdout(`HLS   ${urls.hls}`);
    }
    return 0;
  },
};
