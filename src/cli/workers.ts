import type { z } from 'zod';
import { workersAnswer } from '../api/operator/schemas.ts';
import { openApi } from './api-client.ts';
import { type Command, parseCommandArgs } from './command.ts';
import { alignTable } from './table.ts';

type Worker = z.output<typeof workersAnswer>[number];

function rowOf({ workerId, cores, spareCores, mixes, ffmpegVersion, encoders }: Worker): string[] {
  const [total, spare] = [cores, spareCores].map((value) => value.toFixed(1));
  return [workerId, total ?? '', spare ?? '', String(mixes), ffmpegVersion, encoders.join(' ')];
}

export const workersCommand: Command = {
  name: 'workers',
  usage: 'workers [--json]',
  summary: 'List the workers: their cores, what of them is free, the mixes they run, their encoders.',
  help: [
    'With --json: [{"workerId","cores","spareCores","mixes","encoders","ffmpegVersion","at"}];',
    '  spareCores were used by nobody over the last 5 s and are not set aside for a mix, "at" is unix ms',
  ],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const api = await openApi(io);
    const workers = await api.call({ method: 'GET', path: '/workers', answer: workersAnswer });
    if (values.json) io.stdout(JSON.stringify(workers));
    else if (workers.length === 0) io.stdout('no worker');
    else {
      const head = ['WORKER', 'CORES', 'SPARE', 'MIXES', 'FFMPEG', 'ENCODERS'];
      alignTable(head, workers.map(rowOf)).forEach(io.stdout);
    }
    return 0;
  },
};
