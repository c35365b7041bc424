import pino from 'pino';
import { Secret } from '../../src/domain/secret.ts';
import { openStreamReader } from '../../src/media/flv/stream-reader.ts';
import { createPushRun } from '../../src/media/push/push-run.ts';

/** One push run in a process of its own, so that its cost can be read: argv is the stream's URL, then the targets. */
const [source = '', ...targets] = process.argv.slice(2);
const log = pino({ level: 'warn' }, pino.destination(2));
const run = createPushRun({ log });
run.setTargets(
  targets.map((url, index) => ({ id: `t${index}`, url: new Secret(url), shownUrl: `target ${index}` })),
);
const reader = openStreamReader({
  url: () => source,
  log,
  onTag: (tag) => run.onTag(tag),
  onStreamStart: () => run.onStreamStart(),
});
process.once('disconnect', () => {
  void Promise.all([reader.stop(), run.close()]);
});
