import { describe, expect, it } from 'vitest';
import { COMMANDS, commandHelp, globalHelp } from '../../../src/cli/index.ts';
import { firstPublishLines, readyLine } from '../../../src/cli/ready-line.ts';
import { makeAppsText, parseApps } from '../../../src/config/apps.ts';

describe('the commands', () => {
  it('have names that differ, and all of the contract are there', () => {
    const names = COMMANDS.map((command) => command.name);
    expect(new Set(names).size).toBe(names.length);
    expect([...names].sort()).toEqual(
      [
        'start gateway worker demo usersig publish-url rooms block unblock workers relay record events layout play-url doctor check-config',
      ].flatMap((text) => text.split(' ').sort()),
    );
  });

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    '%s explains itself, --json included',
    (name, command) => {
      const help = commandHelp(command).join('\n');
      expect(help).toMatch(new RegExp(`^Usage: roomcast ${name}\\b`));
      expect(help).toContain('--json');
      expect(globalHelp().join('\n')).toContain(command.summary);
    },
  );
});

describe('the ready line', () => {
  const facts = { http: 'http://127.0.0.1:8080', rtmp: 'rtmp://127.0.0.1:1935' };

  it('is what the contract says', () => {
    expect(readyLine(facts, true)).toBe(
      '{"ready":true,"http":"http://127.0.0.1:8080","rtmp":"rtmp://127.0.0.1:1935"}',
    );
    expect(readyLine(facts, false)).toBe('ready http://127.0.0.1:8080 rtmp://127.0.0.1:1935');
  });

  it('comes with what OBS needs at the first start, and never with the key that signs', () => {
    const apps = parseApps(makeAppsText(), 'f');
    const text = firstPublishLines(apps, facts.rtmp).join('\n');
    expect(text).toContain('rtmp://127.0.0.1:1935/push');
    expect(text).toMatch(/1001\?sdkappid=1400000001&userid=obs&usersig=\S+&use_number_room_id=1/);
    expect(text).not.toContain(apps.apps[0]?.secretKey.reveal());
  });
});
