import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { Redis } from 'ioredis';
import { descendants } from './process-tree.ts';

/** Looks for secrets in everything a run leaves behind or shows. */
export interface SecretSearch {
  look(place: string, content: string | Buffer): void;
  /** Places where a secret was found, and in what form. */
  readonly finds: readonly string[];
  /** Looked through so far, by the first word of the place. */
  readonly bytes: ReadonlyMap<string, number>;
}

interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Base64 of what holds the secret, wherever it begins there: without the ends, which depend on its neighbours. */
function base64Forms(name: string, secret: string): Form[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.from(' '.repeat(before) + secret).toString('base64');
    const inner = whole.slice(before === 0 ? 0 : before + 1).replace(/.=*$/, '');
    const url = inner.replaceAll('+', '-').replaceAll('/', '_');
    return [inner, url].map((text) => ({ name: `${name} in base64`, bytes: Buffer.from(text) }));
  });
}

/** Secrets of letters and digits, which encoded URLs leave as they are; 16 characters at least. */
function formsOf([name, secret]: readonly [string, string]): Form[] {
  if (!/^[A-Za-z0-9]{16,}$/.test(secret)) throw new Error(`${name} is no secret that can be searched for`);
  const plain = Buffer.from(secret);
  return [
    { name: `${name} in clear`, bytes: plain },
    { name: `${name} in hex`, bytes: Buffer.from(plain.toString('hex')) },
    { name: `${name} in UTF-16`, bytes: Buffer.from(secret, 'utf16le') },
    ...base64Forms(name, secret),
  ];
}

export function searchFor(secrets: Readonly<Record<string, string>>): SecretSearch {
  const forms = Object.entries(secrets).flatMap(formsOf);
  const finds = new Set<string>();
  const bytes = new Map<string, number>();
  return {
    look(place, content) {
      const buffer = Buffer.from(content);
      const [kind = ''] = place.split(' ');
      bytes.set(kind, (bytes.get(kind) ?? 0) + buffer.length);
      for (const form of forms) if (buffer.includes(form.bytes)) finds.add(`${form.name}: ${place}`);
    },
    get finds() {
      return [...finds];
    },
    bytes,
  };
}

const SAMPLE_EVERY_MS = 100;

/** Looks at the arguments and the environment of every process below this one, again and again; returns the end of it. */
export function searchProcesses(search: SecretSearch): () => void {
  async function sample(): Promise<void> {
    for (const { pid, command } of descendants(process.pid)) {
      search.look(`arguments of ${command.slice(0, 80)}`, command);
      const environment = await readFile(`/proc/${pid}/environ`).catch(() => ''); // it ended meanwhile
      search.look(`environment of ${command.slice(0, 80)}`, environment);
    }
  }
  const timer = setInterval(() => void sample(), SAMPLE_EVERY_MS);
  return () => clearInterval(timer);
}

/** Every value of every key, of whatever type. */
export async function searchRedis(search: SecretSearch, redis: Redis): Promise<void> {
  for await (const keys of redis.scanStream({ count: 1000 }) as AsyncIterable<string[]>) {
    for (const key of keys) {
      search.look('redis key', key);
      const type = await redis.type(key);
      const read: Readonly<Record<string, () => Promise<unknown>>> = {
        string: () => redis.get(key),
        hash: () => redis.hgetall(key),
        list: () => redis.lrange(key, 0, -1),
        set: () => redis.smembers(key),
        zset: () => redis.zrange(key, '0', '-1', 'WITHSCORES'),
        stream: () => redis.xrange(key, '-', '+'),
        none: async () => null, // it went meanwhile
      };
      const value = await (read[type] ?? (() => Promise.reject(new Error(`Redis has a ${type}`))))();
      search.look(`redis ${type} ${key}`, JSON.stringify(value));
    }
  }
}

/** No form of a secret is longer: so much of what came before is looked at again. */
const OVERLAP_BYTES = 256;

/** Every command that the Redis is given, until it ends or the returned function is called. */
export function searchCommands(search: SecretSearch, { options }: Redis): () => void {
  const socket = connect({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  let before: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    before = Buffer.concat([before.subarray(-OVERLAP_BYTES), chunk]);
    search.look('command', before);
  });
  socket.on('error', () => undefined); // Redis is killed on the way
  socket.write(`AUTH ${options.password ?? ''}\r\nMONITOR\r\n`);
  return () => socket.destroy();
}

/** Every file below the folder. */
export async function searchFiles(search: SecretSearch, dir: string): Promise<void> {
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) search.look(`file ${path.relative(dir, file)}`, await readFile(file));
  }
}

/** The Redis that a roomcast with this data dir runs. */
export async function connectToEmbeddedRedis(dataDir: string): Promise<Redis> {
  const text = await readFile(path.join(dataDir, 'redis/redis.conf'), 'utf8');
  const setting = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? '';
  return new Redis({ port: Number(setting('port')), password: setting('requirepass') });
}
