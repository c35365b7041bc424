import { randomBytes } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_CHARS = 16;

/** A new task id: 16 lower-case letters and digits (80 random bits), fit for file names, keys and user ids. */
export function newTaskId(): string {
  return Array.from(randomBytes(ID_CHARS), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
}
