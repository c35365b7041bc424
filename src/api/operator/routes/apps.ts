import { z } from 'zod';
import { type App, findApp } from '../../../config/app.ts';
import {
  patchChange,
  roleNameSchema,
  roleSchema,
  settingsPatchSchema,
  settingsShape,
} from '../../../config/app-settings.ts';
import { GatewayError } from '../../../domain/errors.ts';
import type { OperatorDeps } from '../deps.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';

const appAnswer = z.strictObject({
  sdkAppId: z.int(),
  name: z.string(),
  accountType: z.int().meta({ description: 'given at its creation; 0: none' }),
  settings: z.strictObject(settingsShape).required().meta({ description: 'as they count now' }),
});

const WHEN = 'they count from the next login or RTMP connection, at every gateway';

/** Its keys, callbacks and destinations are shown to nobody. */
function shown(app: App): z.input<typeof appAnswer> {
  const { sdkAppId, name, accountType, playback, privateMapKeyRequired, roles, defaultRole } = app;
  const settings = { playback, privateMapKeyRequired, roles, defaultRole };
  return { sdkAppId, name, accountType, settings };
}

function appIdOf(id: string): number {
  if (!/^\d{1,10}$/.test(id)) throw new GatewayError('bad-app-id', 'an sdkAppId is a number');
  return Number(id);
}

function roleNameOf(role: string): string {
  const parsed = roleNameSchema.safeParse(role);
  if (!parsed.success) {
    throw new GatewayError('bad-request', `a role name ${parsed.error.issues[0]?.message}`);
  }
  return parsed.data;
}

export function appRoutes({ apps }: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/apps/:id',
      summary: 'An app and its settings, without its secrets',
      answer: appAnswer,
      handle: async ({ id }) => {
        const app = findApp(apps, appIdOf(id));
        if (app === undefined) throw new GatewayError('not-found', `there is no app ${id}`);
        return shown(app);
      },
    }),
    defineRoute({
      method: 'PATCH',
      path: '/apps/:id',
      summary: `Change settings of an app, null for what apps.json says; ${WHEN}`,
      body: settingsPatchSchema,
      answer: appAnswer,
      handle: async ({ id, body }) =>
        shown(await apps.change(appIdOf(id), (_app, change) => patchChange(change, body))),
    }),
    defineRoute({
      method: 'PUT',
      path: '/apps/:id/roles/:role',
      summary: `Define a role name of an app; ${WHEN}`,
      body: roleSchema,
      answer: appAnswer,
      handle: async ({ id, role, body }) => {
        const name = roleNameOf(role);
        return shown(
          await apps.change(appIdOf(id), ({ roles }, change) =>
            patchChange(change, {
              roles: { ...roles, [name]: body },
            }),
          ),
        );
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/apps/:id/roles/:role',
      summary: `Remove a role name of an app, which must not be its default role; ${WHEN}`,
      answer: appAnswer,
      handle: async ({ id, role }) =>
        shown(
          await apps.change(appIdOf(id), ({ roles }, change) => {
            const { [role]: gone, ...rest } = roles;
            if (!Object.hasOwn(roles, role) || gone === undefined) {
              throw new GatewayError('not-found', 'the app has no role of this name');
            }
            return patchChange(change, { roles: rest });
          }),
        ),
    }),
  ];
}
