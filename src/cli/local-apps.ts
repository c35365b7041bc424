import type { App, Apps } from '../config/app.ts';
import { findApp } from '../config/app.ts';
import { appsPath, parseApps, readAppsText } from '../config/apps.ts';
import { GatewayError } from '../domain/errors.ts';
import { UsageError } from './command.ts';

/** The apps.json of a data dir; throws `not-found` in one sentence when there is none, `bad-config` when it is not usable. */
export async function readLocalApps(dataDir: string): Promise<Apps> {
  const text = await readAppsText(dataDir);
  if (text === null) {
    throw new GatewayError(
      'not-found',
      `there is no ${appsPath(dataDir)}: \`roomcast start\` makes it, ROOMCAST_DATA_DIR says where it is`,
    );
  }
  return parseApps(text, appsPath(dataDir));
}

/** The app named by `--app`, or the only one; throws UsageError. */
export function chooseLocalApp(apps: Apps, sdkAppId: number | undefined): App {
  const [only] = apps.apps;
  const app = sdkAppId === undefined ? only : findApp(apps, sdkAppId);
  if (app === undefined) throw new UsageError(`--app: there is no app ${sdkAppId}`);
  if (sdkAppId === undefined && apps.apps.length > 1) {
    const ids = apps.apps.map((one) => one.sdkAppId).join(', ');
    throw new UsageError(`--app: there are several apps (${ids}), say which`);
  }
  return app;
}
