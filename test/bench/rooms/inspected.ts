import { WebSocket } from 'ws';
import { eventually } from '../../support/eventually.ts';
import { readRssMb } from '../process-cost.ts';

/** For NODE_OPTIONS of a process whose memory is to be measured. */
export const INSPECT = '--inspect=127.0.0.1:0';
const LISTENING = /Debugger listening on (ws:\S+)/;

/** Memory a process holds behind a full collection of garbage, in MB; `logs` is what it wrote to stderr. */
export async function readCollectedRssMb(pid: number, logs: () => string): Promise<number> {
  const url = await eventually(() => LISTENING.exec(logs())?.[1]);
  const inspector = new WebSocket(url);
  try {
    await new Promise((resolve, reject) => {
      inspector.once('open', resolve).once('error', reject);
    });
    // What a collection frees is given back to the system a little later: twice is enough.
    for (const id of [1, 2]) {
      const answered = new Promise((resolve) => inspector.once('message', resolve));
      inspector.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
      await answered;
    }
    return await readRssMb(pid);
  } finally {
    inspector.terminate();
  }
}
