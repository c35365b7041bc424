import { describe, expect, it } from 'vitest';
import {
  encoderParameters,
  PLAIN_PARAMETERS,
  type RoleSettings,
  roleAtEntry,
  roleAtSwitch,
} from '../../../src/domain/role-name.ts';

const SMALL = { ...PLAIN_PARAMETERS, width: 640, height: 360, bitrateKbps: 600 };
const PORTRAIT = { ...PLAIN_PARAMETERS, width: 720, height: 1280 };
const SETTINGS: RoleSettings = {
  roles: { host: { default: PLAIN_PARAMETERS, ios: PORTRAIT }, guest: { default: SMALL } },
  defaultRole: 'guest',
};
const PLAIN: RoleSettings = { roles: {}, defaultRole: 'default' };

describe('a role name', () => {
  it('given at entry is the one asked for; entering with an unknown name uses the default role', () => {
    expect(roleAtEntry(SETTINGS, 'host')).toBe('host');
    for (const unknown of [undefined, '', 'boss', 'Host', 'constructor', '__proto__']) {
      expect(roleAtEntry(SETTINGS, unknown), String(unknown)).toBe('guest');
    }
    expect(roleAtEntry(PLAIN, 'host')).toBe('default');
  });

  it('can be switched to when the app has it; switching to an unknown one is refused', () => {
    expect(roleAtSwitch(SETTINGS, 'host')).toBe('host');
    expect(roleAtSwitch(SETTINGS, 'guest')).toBe('guest');
    expect(roleAtSwitch(PLAIN, 'default')).toBe('default');
    for (const unknown of ['', 'default', 'boss', 'toString', '__proto__']) {
      expect(() => roleAtSwitch(SETTINGS, unknown), unknown).toThrow(
        expect.objectContaining({ code: 'not-found' }),
      );
    }
  });

  it('stands for encoder parameters by platform, and plain ones where the app defines none', () => {
    expect(encoderParameters(SETTINGS, 'host', 'ios')).toEqual(PORTRAIT);
    expect(encoderParameters(SETTINGS, 'host', 'web')).toEqual(PLAIN_PARAMETERS);
    expect(encoderParameters(SETTINGS, 'guest', 'ios')).toEqual(SMALL);
    expect(encoderParameters(PLAIN, 'default', 'linux')).toEqual(PLAIN_PARAMETERS);
  });
});
