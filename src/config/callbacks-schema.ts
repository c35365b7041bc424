import { z } from 'zod';
import { CALLBACK_GROUPS } from '../domain/callback/callback.ts';
import { Secret } from '../domain/secret.ts';
import type { AppCallbacks } from './app.ts';

const MAX_URL_CHARS = 2083;

/** `callbacks` of an app, with TRTC's limits. */
export const callbacksSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'begins with http:// or https:// and is a whole URL' })
      .max(MAX_URL_CHARS, `has at most ${MAX_URL_CHARS} characters`)
      // Node's HTTP client refuses them.
      .refine((url) => !/^[a-z]+:\/\/[^/?#]*@/i.test(url), 'has no user name or password'),
    key: z.string().regex(/^[A-Za-z0-9]{1,32}$/, 'has 1 to 32 letters and digits'),
    groups: z
      .array(z.literal(CALLBACK_GROUPS, 'is 1 (rooms), 2 (media), 3 (recordings) or 4 (relays)'))
      .default([...CALLBACK_GROUPS]),
  })
  .transform(
    ({ url, key, groups }): AppCallbacks => ({ url: new Secret(url), key: new Secret(key), groups }),
  );
