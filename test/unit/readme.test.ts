import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/index.ts';
import { ENVIRONMENT_NAMES } from '../../src/config/env.ts';
import { PLATFORM_NAMES } from '../../src/domain/push/platform.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');

describe('the README', () => {
  it.each(ENVIRONMENT_NAMES)('tells of %s, and of no setting that does not exist', (name) => {
    expect(readme).toContain(`\`${name}\``);
    const told = [...readme.matchAll(/`(ROOMCAST_[A-Z_]+)`/g)].map((match) => match[1]);
    expect(told.filter((one) => !ENVIRONMENT_NAMES.includes(one ?? ''))).toEqual([]);
  });

  it.each(COMMANDS.map((command) => command.name))('tells of the command %s', (name) => {
    expect(readme).toMatch(new RegExp(`^\\| .*\`${name}[ \`].*\\|$`, 'm'));
  });

  it.each(PLATFORM_NAMES)('tells how %s is named as a target', (name) => {
    expect(readme).toMatch(new RegExp(`\`${name}:(KEY|URL)\``));
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
    const told = [...readme.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? '');
    expect(told.length).toBeGreaterThan(3);
    expect(told.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('draws folders and files that exist', () => {
    const block = readme.slice(readme.indexOf('scripts/ '), readme.indexOf('Imports go one way'));
    const drawn = block.split('\n').flatMap((line) => /^( *)([a-z0-9./-]+) {2,}/.exec(line) ?? []);
    let top = '';
    const missing: string[] = [];
    for (let index = 0; index + 2 < drawn.length; index += 3) {
      const [indent = '', name = ''] = drawn.slice(index + 1, index + 3);
      if (indent === '') top = name;
      const place = indent === '' ? name : path.join(top, name);
      if (!existsSync(path.join(ROOT, place))) missing.push(place);
    }
    expect(drawn.length).toBeGreaterThan(60);
    expect(missing).toEqual([]);
  });
});
