import { pino } from 'pino';
import { startEmbeddedRedis } from '../../src/redis/embedded-redis.ts';

// A parent for the embedded Redis that a test can kill: prints its URL and stays.
const redis = await startEmbeddedRedis(process.argv[2] ?? '.', pino({ level: 'silent' }));
await redis.firstReady;
process.stdout.write(`${redis.url.reveal()}\n`);
