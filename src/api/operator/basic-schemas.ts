import { z } from 'zod';
import { LIMITS } from '../../domain/programme-limits.ts';

const MAX_INTEGER_ROOM = 4_294_967_295;
const MAX_STRING_ROOM_CHARS = 64;
const MAX_USER_CHARS = 32;

/** Rules beyond the type (alphabet, range) are those of domain/ids.ts. */
export const roomSchema = z
  .union([z.int().min(1).max(MAX_INTEGER_ROOM), z.string().min(1).max(MAX_STRING_ROOM_CHARS)], {
    error: 'a room is an integer from 1 to 4294967295 or a text of 1 to 64 characters',
  })
  .meta({ description: 'integer room 123 and string room "123" are different rooms' });

export const userSchema = z.string().min(1).max(MAX_USER_CHARS);

export const urlOfPicture = z
  .string()
  .min(1)
  .max(LIMITS.urlChars)
  .meta({ description: 'http:// or https:// URL of a png, jpg, bmp, gif or webp picture' });
