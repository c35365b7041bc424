import { loadConfig } from '../config/env.ts';
import { type Command, parseCommandArgs } from './command.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  usage: 'doctor [--json]',
  summary: 'Check whether this machine is fit: Node, ffmpeg and its encoders, Redis, nginx, ports, disk.',
  help: ['Says what to do about each problem. Exits with 1 when something that is needed is missing.'],
  run: async (argv, io) => {
    const { values } = parseCommandArgs(argv, { json: { type: 'boolean', default: false } });
    const config = loadConfig(io.env);
    const { examineMachine } = await import('../doctor/machine-findings.ts');
    const findings = await examineMachine({
      config,
      searchPath: io.env['PATH'] ?? '',
      nodeVersion: process.versions.node,
      log: io.log('doctor', config.logLevel),
    });
    if (values.json) io.stdout(JSON.stringify(findings));
    for (const finding of values.json ? [] : findings) {
      const mark = finding.ok ? 'ok     ' : finding.needed ? 'problem' : 'note   ';
      io.stdout(
        `${mark}  ${finding.what}: ${finding.found}${finding.advice === null ? '' : `. ${finding.advice}`}`,
      );
    }
    return findings.some((finding) => finding.needed && !finding.ok) ? 1 : 0;
  },
};
