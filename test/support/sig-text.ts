import { deflateSync, inflateSync } from 'node:zlib';

/** The sample key and app of Tencent's own libraries, and the moment their clock was frozen at. */
export const SAMPLE_KEY = '5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e';
export const SAMPLE_APP = 1_400_000_000;
export const SAMPLE_NOW_MS = 1_700_000_000_000;
export const SAMPLE_USER = 'xiaojun';

/** For `xiaojun`, 15552000 s. */
export const SAMPLE_USER_SIG =
  'eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwhWZiflZpXlQqeKU7MSCgswUJStDEwMogMiUZOamKlkZmqOKplYUZBaBxE1NTY3gosWZ6UpWSj5ljuYp*p7l5unBxXnF2WVhVU4uAf7Ozi5JpX7O5SbuHuUhzgZJmQXaTia2SrUAohcx8g__';
/** For room 10000, 300 s, all rights. */
export const SAMPLE_MAP_KEY =
  'eJxVjU0LgkAURf-L2xoympUMtHgEWWShJEHutJmxUTPxq5Hov0eWi*7iwj1ncZ8QuEe94xVQMHUCk2FLxotGCjlgJaN72hY-VbMsKkvJgBoW*eVrGnnjQI3FP*WqlBUHOh1BW-MqbgVQQMQNd-JrbJZGnB-6IEHE1cUPT17vIiJ69qdxfJYJUCDa3trNrXwbrGeZZqeN70S5IiJRzIgePFREhGfBii7MlvB6A36tQqM_';
export const SAMPLE_MAP_KEY_USERBUF = '0000077869616f6a756e53724e00000027106553f22c000000ff00000000';
/** For the string room `1000000040`, 300 s, rights 42. */
export const SAMPLE_STRING_MAP_KEY =
  'eJxVjlsLgkAUhP-LeY7wUkkLPSxdjG5USmVvyq52ynRbNS-Rf4-UHhoYmPnmZV5gr6zuk0sgoHUV6NQdGY9S9LHGBbrxNYvaKWE3VwhkQNSe0qpZUrxzIKrxT3khUHIg*g9kCZde5gMBuqNzboYXTxOqF25KO6C1zodtufqGcdwAGhfrCc0b7-LfEwyAQKWuq*PU1hXHVTZCMqafxN55zExXYuAvlsZg*OhHhjUs4xG8P-6RR9g_';
export const SAMPLE_STRING_MAP_KEY_USERBUF =
  '0100077869616f6a756e53724e00000000006553f22c0000002a00000000000a31303030303030303430';

/** Its bytes before they were written as text. */
export function packedBytes(token: string): Buffer {
  return Buffer.from(token.replaceAll('*', '+').replaceAll('-', '/').replaceAll('_', '='), 'base64');
}

export function tokenText(packed: Buffer): string {
  return packed.toString('base64').replaceAll('+', '*').replaceAll('/', '-').replaceAll('=', '_');
}

export function unpackToken(token: string): Record<string, unknown> {
  return JSON.parse(inflateSync(packedBytes(token)).toString()) as Record<string, unknown>;
}

export function packToken(fields: unknown): string {
  return tokenText(deflateSync(Buffer.from(JSON.stringify(fields))));
}
