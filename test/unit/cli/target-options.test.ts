import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { apiPath } from '../../../src/cli/api-client.ts';
import { UsageError } from '../../../src/cli/command.ts';
import { assertOneReader, readReplacements, readTargets } from '../../../src/cli/target-options.ts';

const URL = 'rtmp://h/live/key-5f3a?a=b';
const stdin = (...lines: string[]) => Readable.from([lines.join('\n')]);

describe('targets given as options', () => {
  it('are URLs, platforms with keys and objects, from stdin too', async () => {
    const object = { url: 'twitch:key', mergeMs: 0, retry: { refused: { attempts: null } } };
    const lines = stdin('youtube:key', '', JSON.stringify(object));
    expect(await readTargets('--to', [URL, '-'], lines)).toEqual([URL, 'youtube:key', object]);
  });

  it.each<[string, RegExp]>([
    ['{"url":"rtmp://h/live/key-5f3a"', /JSON/],
    ['{"url":"http://key-5f3a"}', /--to: a push URL/],
    ['{"url":"rtmp://h/live/key-5f3a","mergeMs":351}', /mergeMs/],
    ['{"url":"rtmp://h/live/key-5f3a","retry":{"network":{"attempts":0}}}', /retry/],
    ['{"mergeMs":1}', /url/],
    ['tiktok:key-5f3a', /tiktok/],
    ['key-5f3a', /push URL/],
  ])('%j is wrong usage that shows no key', async (text, message) => {
    const read = readTargets('--to', [text], stdin());
    await expect(read).rejects.toThrow(UsageError);
    await expect(read).rejects.toThrow(message);
    await expect(read).rejects.not.toThrow(/5f3a/);
  });
});

describe('--replace', () => {
  it('takes a target by id, by URL and as shown, whatever = there is in them', async () => {
    const asked = [`0123456789=${URL}`, `${URL}=youtube:k=1`, 'rtmp://h/live/****=-', 'rtmp://h/live/x=-'];
    const pairs = await readReplacements(asked, stdin('x:one', URL));
    expect(pairs).toEqual([
      { from: '0123456789', to: URL },
      { from: URL, to: 'youtube:k=1' },
      { from: 'rtmp://h/live/****', to: 'x:one' },
      { from: 'rtmp://h/live/x', to: URL },
    ]);
  });

  it.each([['0123456789', URL], ['0123456789='], [`=${URL}`], ['0123456789=key-5f3a']])(
    'refuses %j',
    async (...asked) => {
      const read = readReplacements(asked, stdin());
      await expect(read).rejects.toThrow(UsageError);
      await expect(read).rejects.not.toThrow(/5f3a/);
    },
  );

  it('wants a line for each new one of stdin', async () => {
    await expect(readReplacements(['a=-', 'b=-'], stdin(URL))).rejects.toThrow(UsageError);
    await expect(readReplacements(['a=-'], stdin(URL, `${URL}2`))).rejects.toThrow(UsageError);
  });
});

describe('a task', () => {
  it.each([URL, 'youtube:key-5f3a', ''])('is not %j, of which nothing is shown', (given) => {
    const path = () => apiPath('relays', given, '/pause');
    expect(path).toThrow(UsageError);
    expect(path).not.toThrow(/5f3a/);
  });

  it('and a stream are named by their ids', () => {
    expect(apiPath('relays', 'abcdefghij', '/pause')).toBe('/relays/abcdefghij/pause');
    expect(apiPath('streams', '1400000001_~37_ann_main')).toBe('/streams/1400000001_~37_ann_main');
  });
});

describe('stdin', () => {
  it('is read by one option', () => {
    expect(() => assertOneReader({ '--add': true, '--replace': false })).not.toThrow();
    expect(() => assertOneReader({ '--add': true, '--replace': true })).toThrow(/--add or --replace/);
  });
});
