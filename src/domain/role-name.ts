import { GatewayError } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** How a client encodes what it publishes. */
export interface EncoderParameters {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateKbps: number;
  readonly gopSeconds: number;
  readonly audioBitrateKbps: number;
}

/** The parameters of a role by platform; `default` is for those that are not listed. */
export type RoleDefinition = { readonly default: EncoderParameters } & {
  readonly [platform in Terminal]?: EncoderParameters;
};

/** The roles of an app as they stand at one moment: a session keeps what it read at its login. */
export interface RoleSettings {
  readonly roles: Readonly<Record<string, RoleDefinition>>;
  /** Who names no role, or one that is not there, enters with this one. */
  readonly defaultRole: string;
}

/** The default role of an app that names none; it needs no definition. */
export const PLAIN_ROLE = 'default';

/** For a default role that the app does not define. */
export const PLAIN_PARAMETERS: EncoderParameters = {
  width: 1280,
  height: 720,
  fps: 30,
  bitrateKbps: 2500,
  gopSeconds: 2,
  audioBitrateKbps: 128,
};

function definitionOf({ roles }: RoleSettings, name: string): RoleDefinition | undefined {
  return Object.hasOwn(roles, name) ? roles[name] : undefined;
}

/** The role name of an entry: the one asked for if the app has it, else the default one. */
export function roleAtEntry(settings: RoleSettings, asked: string | undefined): string {
  return asked !== undefined && definitionOf(settings, asked) ? asked : settings.defaultRole;
}

/** The role name of a switch; throws `not-found` when the app has no such role. */
export function roleAtSwitch(settings: RoleSettings, asked: string): string {
  if (asked !== settings.defaultRole && !definitionOf(settings, asked)) {
    throw new GatewayError('not-found', 'the app has no role of this name');
  }
  return asked;
}

/** What a client on that platform encodes with in that role. */
export function encoderParameters(
  settings: RoleSettings,
  roleName: string,
  terminal: Terminal,
): EncoderParameters {
  const definition = definitionOf(settings, roleName);
  return definition?.[terminal] ?? definition?.default ?? PLAIN_PARAMETERS;
}
