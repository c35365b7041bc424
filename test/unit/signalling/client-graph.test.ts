import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const CLIENT = path.resolve(import.meta.dirname, '../../../src/signalling/client.ts');
/** Imports of types alone are gone when it is built. */
const IMPORT = /^(?:import|export) (?!type )[^;]*? from '([^']+)';/gm;
const NODE_ONLY = /\b(process|Buffer|require|setImmediate|__dirname)\b[.(]/;

/** All files that the built client loads, and what they import that is no file of ours. */
function graphOf(file: string, files = new Set<string>(), foreign: string[] = []) {
  if (files.has(file)) return { files, foreign };
  files.add(file);
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    if (name.startsWith('.')) graphOf(path.resolve(path.dirname(file), name), files, foreign);
    else foreign.push(name);
  }
  return { files, foreign };
}

test('the client is for browsers too: it loads no module of Node, no package, and uses nothing that only Node has', () => {
  const { files, foreign } = graphOf(CLIENT);
  expect(foreign).toEqual([]);
  expect([...files].map((file) => path.basename(file)).sort()).toEqual([
    ...['client-socket.ts', 'client.ts', 'close-codes.ts', 'errors.ts', 'ids.ts', 'room-event.ts'],
  ]);
  expect([...files].filter((file) => NODE_ONLY.test(readFileSync(file, 'utf8')))).toEqual([]);
});
