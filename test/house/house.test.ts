import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { check } from '../../src/cli/commands/check.js';
import { filesBelow, packageOf, ROOT, read, type SourceFile, sourceFiles } from './source-files.js';

/** The rules of the house that no compiler checks. Each test lists the places that break one. */

const sources = sourceFiles('src');
const tests = sourceFiles('test');
const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string>; license: string } =
  JSON.parse(read('package.json'));

const STAGES = [
  'resources',
  'selector',
  'datastore',
  'interfaces',
  'policy',
  'evaluate',
  'ruleset',
  'nft',
  'conntrack',
  'agent',
  'observe',
  'controller',
];

interface Allowed {
  /** Folders, of which anything may be imported. */
  readonly all: readonly string[];
  /** Folders and files of which types may be imported. */
  readonly types?: readonly string[];
  /** Single files of which anything may be imported. */
  readonly files?: readonly string[];
}

/** One way: from the datastore to the kernel. */
const MAY_IMPORT: Readonly<Record<string, Allowed>> = {
  resources: { all: [] },
  selector: { all: [] },
  datastore: { all: ['resources'] },
  interfaces: { all: [] },
  nft: { all: [] },
  conntrack: { all: [] },
  policy: { all: ['resources', 'selector'] },
  // It reads and writes through a store, whichever it is.
  client: { all: ['resources', 'selector'], files: ['src/datastore/store.ts', 'src/datastore/as-stored-object.ts'] },
  // The waist: all that evaluator and renderer share.
  evaluate: { all: [], types: ['src/policy/host-policy.ts'] },
  ruleset: {
    all: [],
    types: ['src/policy/host-policy.ts', 'src/nft/objects.ts'],
    files: ['src/nft/expressions.ts'],
  },
  observe: { all: [], types: STAGES },
  doctor: { all: [], files: ['src/nft/nft-version.ts'] },
  agent: { all: STAGES },
  controller: { all: ['resources', 'datastore'], types: ['observe'] },
  cli: { all: [...STAGES, 'client', 'controller', 'doctor', 'cli'] },
};

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function place({ path }: SourceFile, line: number): string {
  return `${path}:${line}`;
}

t.test('imports go one way', async (t) => {
  const wrong = sources.flatMap((file) => {
    const folder = folderOf(file.path);
    const allowed = MAY_IMPORT[folder];
    if (!allowed) return [`${file.path}: a folder that is not in the table`];
    return file.imports.flatMap(({ from, isLocal, isType, line }) => {
      const target = folderOf(from);
      if (!isLocal || target === folder || allowed.all.includes(target) || allowed.files?.includes(from)) return [];
      if (isType && (allowed.types?.includes(target) || allowed.types?.includes(from))) return [];
      return [`${place(file, line)}: ${folder} must not import ${isType ? 'types of ' : ''}${from}`];
    });
  });
  t.strictSame(wrong, []);
});

t.test('there is an import for each dependency, and a dependency for each import', async (t) => {
  const bare = (files: readonly SourceFile[]) =>
    new Set(
      files.flatMap(({ imports }) => imports).flatMap(({ from, isLocal }) => (isLocal ? [] : (packageOf(from) ?? []))),
    );
  const used = bare(sources);
  const runtime = Object.keys(manifest.dependencies);
  t.strictSame(
    [...used].filter((name) => !runtime.includes(name)),
    [],
    'imported in src, no dependency',
  );
  t.strictSame(
    runtime.filter((name) => !used.has(name)),
    [],
    'a dependency that src does not import',
  );
  const known = [...runtime, ...Object.keys(manifest.devDependencies)];
  t.strictSame(
    [...bare(tests)].filter((name) => !known.includes(name)),
    [],
    'imported in test, no dependency',
  );
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    t.match(version, /^\d+\.\d+\.\d+$/, `${name} has an exact version`);
  }
});

t.test('what is loaded late is a file of ours, which the bundle keeps whole', async (t) => {
  // esbuild gives a dynamic import of a CommonJS package its default export alone. Execa is no such package.
  const found = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\bimport\('([^.'][^']*)'\)/g)].flatMap(([, name]) =>
      name === 'execa' ? [] : [`${path}: import('${name}')`],
    ),
  );
  t.strictSame(found, []);
});

t.test('no long files', async (t) => {
  const lengths = sources.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));
  for (const { path, lines } of lengths) if (lines > 400) t.comment(`${path} has ${lines} lines: is it one concern?`);
  t.strictSame(
    lengths.filter(({ lines }) => lines > 600),
    [],
  );
});

t.test('names of files are in kebab case and say something', async (t) => {
  const names = [...sources, ...tests].map(({ path }) => path);
  t.strictSame(
    names.filter((path) => !/^[a-z0-9-]+(\.test)?\.ts$/.test(basename(path))),
    [],
  );
  t.strictSame(
    names.filter((path) => /\b(utils?|helpers?|common|misc)\b/.test(path)),
    [],
  );
});

const NFT_SYNTAX =
  /\b(add|delete|flush|create|insert|replace) (rule|chain|set|map|element|table|ruleset)\b|\bip6? [sd]addr\b|\bth [sd]port\b|\b[io]ifname ["@{]|\bct (state|status)\b|\bmeta (mark|l4proto|nfproto)\b|\bvmap [@{]|\bhook (prerouting|input|forward|output|postrouting)\b/;

t.test('nft syntax is made in src/nft only', async (t) => {
  const outside = sources.filter(({ path }) => folderOf(path) !== 'nft');
  const found = outside.flatMap((file) =>
    file.strings.filter(({ text }) => NFT_SYNTAX.test(text)).map(({ text, line }) => `${place(file, line)}: ${text}`),
  );
  t.strictSame(found, []);
  const printer = sources.find(({ path }) => path === 'src/nft/print.ts');
  t.ok(
    printer?.strings.some(({ text }) => NFT_SYNTAX.test(text)),
    'it would be found',
  );
});

t.test('only src/cli knows the process that it is', async (t) => {
  const found = sources
    .filter(({ path }) => folderOf(path) !== 'cli')
    .flatMap((file) =>
      file.properties
        .filter(({ text }) => /^process\.(argv|env|exit|exitCode|stdout|stderr|stdin)$/.test(text))
        .map(({ text, line }) => `${place(file, line)}: ${text}`),
    );
  t.strictSame(found, []);
});

t.test('nothing switches the checks off', async (t) => {
  const found = [...sources, ...tests].flatMap((file) =>
    file.text
      .split('\n')
      .flatMap((line, index) =>
        /@ts-(ignore|nocheck|expect-error)/.test(line) && file.path !== 'test/house/house.test.ts'
          ? [place(file, index + 1)]
          : [],
      ),
  );
  t.strictSame(found, []);
});

t.test('each file has a sentence that says what it exports', async (t) => {
  const silent = sources.filter(
    ({ exported }) => exported.length > 0 && !exported.some(({ documented }) => documented),
  );
  t.strictSame(
    silent.map(({ path }) => path),
    [],
  );
});

t.test('each folder of src has tests', async (t) => {
  const folders = [...new Set(sources.map(({ path }) => folderOf(path)))];
  const tested = new Set(tests.filter(({ path }) => path.endsWith('.test.ts')).map(({ path }) => folderOf(path)));
  t.strictSame(
    folders.filter((folder) => !tested.has(folder)),
    [],
  );
  t.strictSame(
    folders.filter((folder) => !(folder in MAY_IMPORT)),
    [],
    'and is in the table',
  );
  t.strictSame(
    Object.keys(MAY_IMPORT).filter((folder) => !folders.includes(folder)),
    [],
    'which has no other ones',
  );
});

t.test('no test is left out without a reason', async (t) => {
  const left = /\b(t|test)\.(skip|todo|only)\(|\b(only|todo): true|\bskip: true/;
  const found = tests
    .filter(({ path }) => path.endsWith('.test.ts') && path !== 'test/house/house.test.ts')
    .flatMap((file) =>
      file.text
        .split('\n')
        .flatMap((line, index) => (left.test(line) ? [`${place(file, index + 1)}: ${line.trim()}`] : [])),
    );
  t.strictSame(found, []);
});

t.test('licence and papers', async (t) => {
  t.equal(manifest.license, 'Apache-2.0');
  const licence = read('LICENSE');
  t.match(licence, /^ +Apache License\n +Version 2\.0, January 2004\n/);
  t.match(licence, /END OF TERMS AND CONDITIONS/);
  t.ok(licence.length > 11_000, 'the whole text');
  for (const paper of ['README.md', 'CHANGELOG.md']) t.ok(existsSync(join(ROOT, paper)), paper);
});

t.test('the lock file names no registry', async (t) => {
  t.notMatch(read('package-lock.json'), /"resolved"/);
});

t.test('no paths of the machine that it was written on', async (t) => {
  const texts = ['src', 'test', 'docs', 'rules', 'systemd', 'vagrant']
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) => filesBelow(folder, ''))
    .filter((path) => /\.(ts|md|yaml|yml|json|service|sh|nft|html|mjs)$/.test(path));
  const foreign = ['work', 'home', 'root'].map((top) => `/${top}/`);
  t.strictSame(
    texts.filter((path) =>
      foreign
        .slice(0, 1)
        .some((prefix) => read(path).includes(`${prefix}shared`) || read(path).includes(`${prefix}main`)),
    ),
    [],
  );
});

t.test('each example passes the check', async (t) => {
  const examples = filesBelow('rules/examples', '').filter((path) => /\.(ya?ml|json)$/.test(path));
  t.ok(examples.length > 0);
  for (const path of examples) {
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) > 0 };
    const io = { stdout: stream, stderr: stream } as unknown as Parameters<typeof check>[2];
    t.equal(await check([join(ROOT, path)], {}, io), 0, `${path}: ${written.join('')}`);
  }
});

t.test('each scenario has its files', async (t) => {
  const folder = join(ROOT, 'test/scenario/scenarios');
  for (const name of readdirSync(folder)) {
    t.strictSame(
      readdirSync(join(folder, name))
        .sort()
        .filter((file) => file !== 'expect.yaml' && file !== 'derived.yaml'),
      ['expected.nft', 'host.json', 'policy.yaml'],
      name,
    );
  }
});
