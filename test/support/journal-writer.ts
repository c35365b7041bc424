import { readFileSync } from 'node:fs';
import { setInterval as ticks } from 'node:timers/promises';
import { pino } from 'pino';
import { createFlvParser } from '../../src/media/flv/parser.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { Intake } from '../../src/media/recording/intake.ts';
import { openJournal } from '../../src/media/recording/journal.ts';

// A child process that journals a clip in real time and is killed in the middle of it.
// argv: journal folder, clip. Prints how far it got, in ms of the clip.
const [, , dir = '', clip = ''] = process.argv;
const tags: FlvTag[] = [];
createFlvParser({ onTag: (tag) => tags.push(tag) }).push(readFileSync(clip));
const onError = (error: Error) => {
  throw error;
};
const journal = await openJournal({
  dir,
  taskId: 'killed',
  streamId: 's',
  userId: '',
  log: pino({ level: 'silent' }),
  onError,
});
const intake = new Intake({ start: journal.facts, onTag: (taken) => journal.append(taken, intake) });
const began = Date.now();
let next = 0;
for await (const _tick of ticks(20)) {
  const now = Date.now() - began;
  for (let tag = tags[next]; tag && tag.timestamp <= now; tag = tags[next]) {
    intake.take(tag, { arrivalMs: began + tag.timestamp, cached: false });
    next += 1;
  }
  process.stdout.write(`${tags[next - 1]?.timestamp ?? 0}\n`);
  if (next >= tags.length) break;
}
await journal.close({ ended: true });
