import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g;
const REQUIRE = /(?:require|createRequire)\S*\(\s*'([^']+)'\s*\)/g;

/** Which rooms of the layout a room may import from; composition roots and commands are free. */
const ALLOWED: Record<string, readonly string[]> = {
  'src/domain': [],
  'src/identity': ['src/domain'],
  'src/config': ['src/domain', 'src/identity', 'src/queue'],
  'src/media': ['src/domain', 'src/media'],
  'src/queue': ['src/domain'],
  'src/callbacks': ['src/domain', 'src/identity', 'src/queue'],
  'src/tasks': ['src/domain', 'src/identity', 'src/queue'],
  'src/rooms': ['src/domain', 'src/identity', 'src/tasks', 'src/queue'],
  'src/groups': ['src/domain', 'src/queue'],
  'src/signalling': [
    'src/domain',
    'src/identity',
    'src/rooms',
    'src/tasks',
    'src/queue',
    'src/config',
    'src/groups',
  ],
  'src/ingest': ['src/domain', 'src/identity', 'src/rooms', 'src/tasks', 'src/config', 'src/media'],
  'src/api': ['src/domain', 'src/identity', 'src/rooms', 'src/tasks', 'src/ingest', 'src/config', 'src/api'],
  'src/supervisor': ['src/domain'],
  'src/doctor': ['src/config', 'src/media'],
  'src/redis': ['src/domain', 'src/config', 'src/supervisor'],
  jobs: [
    'jobs',
    'src/domain',
    'src/identity',
    'src/media',
    'src/tasks',
    'src/queue',
    'src/rooms',
    'src/callbacks',
  ],
};

/** The folders of `media`: each imports only from those above it here. */
const MEDIA = [
  'canvas',
  'nut',
  'flv',
  'rtmp',
  'ffmpeg',
  'push',
  'recording',
  'hls',
  'pictures',
  'programme/input',
  'programme/sound',
  'programme/scene',
  'programme/output',
  'programme',
  'preview',
].map((folder) => `src/media/${folder}`);
/** What the parts of a programme share. */
const PROGRAMME_BASE = /^src\/media\/programme\/(clock|priority|protocol|usage)\.ts$/;

const SINGLE_IMPORTERS: readonly { module: RegExp; allowed: RegExp }[] = [
  { module: /^node-media-server/, allowed: /^src\/ingest\// },
  { module: /^fluent-ffmpeg$/, allowed: /^src\/media\/ffmpeg\/[a-z-]*(argv|args)\.ts$/ },
  { module: /^mediabunny$/, allowed: /^src\/media\/hls\// },
  {
    module: /^node:child_process$/,
    allowed:
      /^src\/(media\/ffmpeg\/|media\/programme\/launcher\.ts|redis\/|all-in-one\.ts|supervisor\/|demo\/)/,
  },
];

interface SourceFile {
  readonly file: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(): SourceFile[] {
  return ['src', 'jobs'].flatMap((top) =>
    readdirSync(path.join(ROOT, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => {
        const file = path.posix.join(top, name.split(path.sep).join('/'));
        const text = readFileSync(path.join(ROOT, file), 'utf8');
        const found = [...text.matchAll(IMPORT), ...text.matchAll(REQUIRE)];
        return { file, text, imports: found.map((m) => m[1] ?? m[2] ?? '') };
      }),
  );
}

function roomOf(file: string): string {
  return file.startsWith('jobs/') ? 'jobs' : file.split('/').slice(0, 2).join('/');
}

function isCompositionRoot(file: string): boolean {
  const roots = [
    'src/main.ts',
    'src/gateway.ts',
    'src/gateway-duties.ts',
    'src/gateway-http.ts',
    'src/all-in-one.ts',
    'src/log.ts',
    'jobs/worker.ts',
    'jobs/handlers.ts',
  ];
  return roots.includes(file) || file.startsWith('src/cli/') || file.startsWith('src/demo/');
}

describe('the layout', () => {
  const all = sources();

  it('has source files to judge', () => {
    expect(all.length).toBeGreaterThan(20);
    expect(all.flatMap((source) => source.imports).length).toBeGreaterThan(100);
  });

  it('lets imports go one way only', () => {
    const wrong: string[] = [];
    for (const { file, imports } of all.filter((source) => !isCompositionRoot(source.file))) {
      const own = roomOf(file);
      const allowed = ALLOWED[own];
      if (!allowed) {
        wrong.push(`${file}: its folder is no room of the layout`);
        continue;
      }
      for (const target of imports.filter((name) => name.startsWith('.'))) {
        const to = path.posix.normalize(path.posix.join(path.posix.dirname(file), target));
        const room = roomOf(to);
        if (room !== own && !allowed.includes(room)) wrong.push(`${file} -> ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('lets the folders of media import one way only', () => {
    const wrong = all
      .filter(({ file }) => file.startsWith('src/media/'))
      .flatMap(({ file, imports }) => {
        const own = MEDIA.indexOf(path.posix.dirname(file));
        const targets = imports
          .filter((name) => name.startsWith('.'))
          .map((name) => path.posix.join(path.posix.dirname(file), name))
          .filter((to) => to.startsWith('src/media/') && !PROGRAMME_BASE.test(to));
        const isAbove = (to: string) => MEDIA.slice(0, own + 1).includes(path.posix.dirname(to));
        return targets.filter((to) => !isAbove(to)).map((to) => `${file} -> ${to}`);
      });
    expect(wrong).toEqual([]);
  });

  it('lets the hub know of media only what FLV is', () => {
    const wrong = all
      .filter(({ file }) => file.startsWith('src/ingest/'))
      .flatMap(({ imports }) => imports.filter((name) => /\/media\/(?!flv\/)/.test(name)));
    expect(wrong).toEqual([]);
  });

  it('keeps each hazardous package behind its one importer', () => {
    const wrong = all.flatMap(({ file, imports }) =>
      imports.flatMap((name) =>
        SINGLE_IMPORTERS.filter((rule) => rule.module.test(name) && !rule.allowed.test(file)).map(
          () => `${file} imports ${name}`,
        ),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps files at 300 lines or less', () => {
    const long = all.filter((source) => source.text.split('\n').length > 301).map((source) => source.file);
    expect(long).toEqual([]);
  });

  it('touches argv, signals and the exit code in main.ts alone', () => {
    // Children started by fork have a life of their own: their entry files end with their parent.
    const entries = /^src\/(main|media\/programme\/main)\.ts$/;
    const wrong = all
      .filter(
        ({ file, text }) => !entries.test(file) && /process\.(argv|exit\(|exitCode|on\('SIG)/.test(text),
      )
      .map(({ file }) => file);
    expect(wrong).toEqual([]);
  });
});
