import pino from 'pino';
import { Secret } from '../../src/domain/secret.ts';
import { openStreamReader } from '../../src/media/flv/stream-reader.ts';
import { createPushRun, DEFAULT_PUSH_SETTINGS } from '../../src/media/push/push-run.ts';

/** One push run in a process of its own, so that its cost can be read: argv is the merge window in ms, the stream's URL, then the targets. */
const [mergeMs = '', source = '', ...targets] = process.argv.slice(2);
const log = pino({ level: 'warn' }, pino.destination(2));
const run = createPushRun({ log, settings: { ...DEFAULT_PUSH_SETTINGS, mergeMs: Number(mergeMs) } });
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
