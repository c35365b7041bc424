/** What every child needs of our environment; our secrets do not belong into theirs. */
const COMMON = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'FONTCONFIG_PATH'] as const;

/** The environment of a child, with these variables besides. */
export function childEnvironment(besides: readonly string[] = []): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const name of [...COMMON, ...besides]) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
