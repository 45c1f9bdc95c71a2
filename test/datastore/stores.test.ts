import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { asStoredObject } from '../../src/datastore/as-stored-object.js';
import { contentVersion } from '../../src/datastore/file/content-version.js';
import { editText } from '../../src/datastore/file/edit-text.js';
import { fileNameOf } from '../../src/datastore/file/file-name.js';
import { fileStore } from '../../src/datastore/file/file-store.js';
import { look } from '../../src/datastore/file/look.js';
import { printObject } from '../../src/datastore/file/print-object.js';
import { objectReader } from '../../src/datastore/file/read-objects.js';
import { createFile, removeFile, replaceFile } from '../../src/datastore/file/replace-file.js';
import type { Problems } from '../../src/datastore/source.js';
import type { StoredObject } from '../../src/datastore/store.js';
import { fakeStore } from '../../src/datastore/store-fake.js';
import { readDocuments } from '../../src/resources/read-documents.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { storeContract } from './store-contract.js';

const reader = objectReader(checkSelector);

t.test('the fake', (t) => storeContract(t, async () => ({ store: fakeStore() })));

t.test('files', (t) => storeContract(t, async (t) => ({ store: fileStore(t.testdir({}), { reader }) })));

const key = (name: string) => ({ kind: 'GlobalNetworkSet', name }) as const;

function set(name: string, net = '10.0.0.0/8', labels: Record<string, string> = {}): StoredObject {
  const metadata = { name, labels };
  const object = asStoredObject({
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkSet',
    metadata,
    spec: { nets: [net] },
  });
  if (object === undefined) throw new Error('no object');
  return object;
}

const yamlSet = (name: string, rest = ''): string =>
  `apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata:\n  name: ${name}\n${rest}spec:\n  nets: [10.0.0.0/8]\n`;

function prepare(t: Test, files: Parameters<Test['testdir']>[0]) {
  const directory = t.testdir(files);
  const problems: Problems[] = [];
  const store = fileStore(directory, { reader, onProblems: (problem) => problems.push(problem) });
  return { directory, store, problems, read: (name: string) => readFileSync(join(directory, name), 'utf8') };
}

t.test('only the object is changed, the rest byte for byte', async (t) => {
  const text = [
    '# all sets\r\n\r\n',
    `# the first\r\n${yamlSet('one').replaceAll('\n', '\r\n')}# behind the first\r\n`,
    `--- # second\r\n${yamlSet('two', '  labels: {a: "b"} # inner\n').replaceAll('\n', '\r\n')}\r\n`,
    '---\r\napiVersion: v1\r\nkind: List\r\nitems:\r\n',
    '  # an address pool, of no use\r\n  - {apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: p}}\r\n',
    `  -   ${yamlSet('three').replaceAll('\n', '\r\n      ').trimEnd()}\r\n  # the end\r\n`,
  ].join('');
  const { store, read, directory } = prepare(t, {
    'a.yaml': text,
    'b.json': JSON.stringify([set('four'), set('five')], null, 1),
  });
  const change = async (name: string): Promise<string> => {
    const object = await store.get(key(name));
    await store.update({ ...object, spec: { nets: ['10.9.0.0/16'] } });
    t.same((await store.get(key(name))).spec, { nets: ['10.9.0.0/16'] }, name);
    return read(name === 'four' || name === 'five' ? 'b.json' : 'a.yaml');
  };
  const lines = (name: string, indent: string): string =>
    printObject(
      {
        kind: 'GlobalNetworkSet',
        apiVersion: 'projectcalico.org/v3',
        metadata: { name },
        spec: { nets: ['10.9.0.0/16'] },
      },
      'yaml',
    )
      .trimEnd()
      .replaceAll('\n', `\r\n${indent}`);
  const first = text.replace(yamlSet('one').replaceAll('\n', '\r\n'), `${lines('one', '')}\r\n`);
  t.equal(await change('one'), first);
  const third = first.replace(yamlSet('three').replaceAll('\n', '\r\n      ').trimEnd(), lines('three', '      '));
  t.equal(await change('three'), third);
  t.match(JSON.parse(await change('five')), [{ metadata: { name: 'four' } }, { spec: { nets: ['10.9.0.0/16'] } }]);
  t.ok(
    read('b.json').startsWith(JSON.stringify([set('four'), set('five')], null, 1).slice(0, 40)),
    'the other item, as it was',
  );
  await store.delete(key('two'));
  t.equal(read('a.yaml').includes('name: two'), false);
  t.equal(read('a.yaml').includes('# behind the first'), true);
  await store.delete(key('three'));
  await store.delete(key('one'));
  t.match(read('a.yaml'), /^# all sets\r\n/, 'what is of no use to Margay keeps the file');
  t.match(read('a.yaml'), /kind: IPPool/);
  await store.delete(key('four'));
  await store.delete(key('five'));
  t.same(readdirSync(directory), ['a.yaml']);
});

t.test('any object, at any place, and back', async (t) => {
  const label = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('yes', '0x1f', '1_000', 'a: b', '- x', '# x', '|', '!t', "'", '\n', '---', '', '12:30', '~'),
  );
  const annotations = fc.dictionary(label, text, { maxKeys: 3 });
  const object = fc.record({ name: label, annotations });
  const layout = fc.constantFrom('documents', 'list', 'sequence', 'json', 'json list');
  fc.assert(
    fc.property(
      fc.array(object, { minLength: 1, maxLength: 4 }),
      object,
      layout,
      fc.nat(3),
      fc.boolean(),
      (all, fresh, layout, at, comments) => {
        const values = all.map(({ name, annotations }, index) => ({
          ...set(`${name}-${index}`),
          metadata: { name: `${name}-${index}`, annotations },
        }));
        const format = layout.startsWith('json') ? 'json' : 'yaml';
        const before = laidOut(values, layout, comments);
        const documents = readDocuments(before, format);
        t.same(
          documents.map(({ value }) => value),
          values,
        );
        const place = documents[at % documents.length]?.place ?? { document: 0, path: [] };
        const wanted = { ...set(fresh.name), metadata: { name: fresh.name, annotations: fresh.annotations } };
        const changed = editText(before, format, place, wanted);
        // Not the name of an assertion: random text in one breaks the protocol of the test runner.
        if (changed === undefined) throw new Error(`${layout}: ${before}`);
        const expected = values.with(at % documents.length, wanted);
        t.same(
          readDocuments(changed ?? '', format).map(({ value }) => value),
          expected,
        );
        const removed = editText(before, format, place, undefined);
        t.same(
          readDocuments(removed ?? '{', format).map(({ value }) => value),
          values.toSpliced(at % documents.length, 1),
        );
      },
    ),
    { numRuns: 150 },
  );
});

function laidOut(values: readonly unknown[], layout: string, comments: boolean): string {
  const comment = comments ? '# about it\n' : '';
  const indented = (value: unknown): string => printObject(value, 'yaml').trimEnd().replaceAll('\n', '\n  ');
  const items = values.map((value) => `${comment}- ${indented(value)}\n`).join('');
  switch (layout) {
    case 'documents':
      return values.map((value) => `${comment}${printObject(value, 'yaml')}`).join('---\n');
    case 'list':
      return `apiVersion: v1\nkind: List\nitems:\n${items}`;
    case 'sequence':
      return items;
    case 'json':
      return JSON.stringify(values);
    default:
      return JSON.stringify(
        { kind: 'GlobalNetworkSetList', apiVersion: 'projectcalico.org/v3', items: values },
        null,
        2,
      );
  }
}

t.test('what can not be changed in its place is refused', async (t) => {
  const anchored = `- &one\n  ${yamlSet('one').replaceAll('\n', '\n  ')}\n- <<: *one\n  metadata: {name: two}\n`;
  const { store, read } = prepare(t, { 'a.yaml': anchored });
  t.same((await store.get(key('two'))).spec, { nets: ['10.0.0.0/8'] });
  await t.rejects(store.update({ ...(await store.get(key('one'))), spec: {} }), {
    code: 'invalid',
    message: /a\.yaml line 2: it can't be changed there without touching what else is in the file: edit it by hand/,
  });
  t.equal(read('a.yaml'), anchored);
  await store.update({ ...(await store.get(key('two'))), spec: { nets: [] } });
  t.ok(read('a.yaml').startsWith(anchored.slice(0, 40)), 'the one that needs the other can be');
});

t.test('what counts is what counts for the daemon', async (t) => {
  const { store, problems, directory } = prepare(t, {
    'b.yaml': `${yamlSet('one')}---\n${yamlSet('one', '  labels: {second: in-file}\n')}`,
    'a.yaml': yamlSet('one', '  labels: {which: first}\n'),
    'c.yaml': `${yamlSet('two')}---\nkind: [`,
    '.hidden.yaml': yamlSet('hidden'),
    'notes.txt': yamlSet('text'),
    deep: {
      'd.json': JSON.stringify({ apiVersion: 'projectcalico.org/v3', kind: 'NetworkPolicy', metadata: { name: 'p' } }),
    },
  });
  const { items } = await store.list('GlobalNetworkSet');
  t.match(items, [{ metadata: { name: 'one', labels: { which: 'first' } } }]);
  t.same(problems.map(({ file, unreadable }) => [file.slice(directory.length + 1), unreadable]).sort(), [
    ['b.yaml', false],
    ['c.yaml', true],
  ]);
  await store.list('GlobalNetworkSet');
  t.equal(problems.length, 2, 'told once');
  t.match(
    (await store.list('NetworkPolicy', 'default')).items,
    [{ spec: { types: ['Ingress'] } }],
    'completed, as the client would',
  );
  await t.rejects(store.create(set('two')), {
    code: 'invalid',
    message: /c\.yaml line 8 can't be parsed .* repair it first/,
  });
  await store.create(set('three'));
  await store.delete(key('one'));
  t.same(
    (await store.list('GlobalNetworkSet')).items.map(({ metadata }) => metadata.name),
    ['three'],
    'no other one takes its place',
  );
  t.equal(existsSync(join(directory, 'b.yaml')), false);
});

t.test('objects that are not valid are shown, and can be repaired', async (t) => {
  const { store, read } = prepare(t, {
    'a.yaml': `# head\n${yamlSet('one').replace('10.0.0.0/8', 'nonsense')}---\n${yamlSet('two')}`,
  });
  const broken = await store.get(key('one'));
  t.same(broken.spec, { nets: ['nonsense'] });
  await store.update({ ...broken, spec: { nets: ['10.1.0.0/16'] } });
  t.match(read('a.yaml'), /^# head\n.*10\.1\.0\.0\/16\n---\n/s);
});

t.test('versions are digests', async (t) => {
  const { store, directory } = prepare(t, { 'a.yaml': yamlSet('one', '  resourceVersion: "77"\n') });
  const one = await store.get(key('one'));
  t.match(one.metadata.resourceVersion, /^[0-9a-f]{16}$/, 'that of another datastore does not count');
  writeFileSync(join(directory, 'a.yaml'), `# moved\n\n${yamlSet('one').replace('spec:', 'spec: # x')}`);
  t.equal(
    (await store.get(key('one'))).metadata.resourceVersion,
    one.metadata.resourceVersion,
    'the same content, the same version',
  );
  const mtime = statSync(join(directory, 'a.yaml'), { bigint: true }).mtimeNs;
  await store.update(one);
  t.same(await store.get(key('one')), one);
  t.equal(statSync(join(directory, 'a.yaml'), { bigint: true }).mtimeNs, mtime);
  t.equal(contentVersion({ a: 1, b: [{ c: 2, d: 3 }] }), contentVersion({ b: [{ d: 3, c: 2 }], a: 1 }));
  t.not(contentVersion({ a: [1, 2] }), contentVersion({ a: [2, 1] }));
});

t.test('names of files', async (t) => {
  const { store, directory } = prepare(t, { 'networkset-a-b-c.yaml': '# kept by somebody\n' });
  const inNamespace = (namespace: string, name: string): StoredObject => ({
    ...set(name),
    kind: 'NetworkSet',
    metadata: { name, namespace },
  });
  await store.create(inNamespace('a', 'b-c'));
  await store.create(inNamespace('a-b', 'c'));
  await store.create(inNamespace('Übung', 'x'));
  const names = readdirSync(directory);
  t.equal(names.length, 4);
  t.ok(
    names.every((name) => /^[a-z0-9._-]+\.yaml$/.test(name)),
    names.join(' '),
  );
  t.equal((await store.list('NetworkSet')).items.length, 3);
  const long = fileNameOf({ kind: 'GlobalNetworkSet', name: `${'x'.repeat(240)}` }, false);
  t.ok(long.length < 230);
  t.not(long, fileNameOf({ kind: 'GlobalNetworkSet', name: `${'x'.repeat(241)}` }, false));
  t.equal(
    fileNameOf({ kind: 'NetworkPolicy', namespace: 'prod', name: 'web.1' }, false),
    'networkpolicy-prod-web.1.yaml',
  );
});

t.test('links, modes, and files of others', async (t) => {
  const directory = t.testdir({ real: { 'a.yaml': yamlSet('one') }, store: {} });
  const store = fileStore(join(directory, 'store'), { reader });
  symlinkSync('../real/a.yaml', join(directory, 'store', 'link.yaml'));
  chmodSync(join(directory, 'real', 'a.yaml'), 0o640);
  await store.update({ ...(await store.get(key('one'))), spec: { nets: ['10.3.0.0/16'] } });
  t.ok(lstatSync(join(directory, 'store', 'link.yaml')).isSymbolicLink(), 'a link stays a link');
  t.equal(statSync(join(directory, 'real', 'a.yaml')).mode & 0o777, 0o640);
  t.match(readFileSync(join(directory, 'real', 'a.yaml'), 'utf8'), /10\.3\.0\.0/);
  t.same(readdirSync(join(directory, 'real')), ['a.yaml'], 'nothing is left behind');
});

t.test('between reading and writing', async (t) => {
  const { directory } = prepare(t, { 'a.yaml': yamlSet('one') });
  const path = join(directory, 'a.yaml');
  const store = fileStore(directory, { reader, recentMs: 60_000 });
  const one = await store.get(key('one'));
  const { resourceVersion: _version, ...metadata } = one.metadata;
  writeFileSync(path, yamlSet('one', '  labels: {by: another}\n'));
  t.same(await store.get(key('one')), one, 'what was seen recently');
  await t.rejects(store.update({ ...one, spec: {} }), { code: 'conflict' });
  t.match(readFileSync(path, 'utf8'), /by: another/);
  writeFileSync(path, `${yamlSet('one')}---\n${yamlSet('two')}`);
  await store.update({ ...one, metadata, spec: { nets: ['10.4.0.0/16'] } });
  t.match(readFileSync(path, 'utf8'), /10\.4\.0\.0.*name: two/s, 'what came meanwhile is there, too');
  writeFileSync(path, 'kind: [');
  await t.rejects(store.update({ ...one, metadata, spec: {} }), { code: 'invalid', message: /can't be read/ });
  const there = await look(path);
  if (there.is !== 'file') throw new Error('no file');
  writeFileSync(path, yamlSet('three'));
  t.equal(await replaceFile(path, there.stat, 'x'), 'changed');
  t.equal(await removeFile(path, there.stat), 'changed');
  t.equal(await createFile(path, 'x'), 'exists');
  t.same([readdirSync(directory), readFileSync(path, 'utf8')], [['a.yaml'], yamlSet('three')]);
});

t.test('a directory that is not there, or may not be written', async (t) => {
  const directory = t.testdir({ file: '', closed: { 'a.yaml': yamlSet('one') } });
  const missing = fileStore(join(directory, 'missing'), { reader });
  await t.rejects(missing.list('Tier'), { code: 'unreachable', message: /missing does not exist/ });
  await t.rejects(missing.create(set('one')), { code: 'unreachable' });
  await t.rejects(fileStore(join(directory, 'file'), { reader }).get(key('one')), {
    code: 'unreachable',
    message: /is not a directory/,
  });
  if (process.getuid?.() === 0) {
    t.comment('root may write everywhere');
    return;
  }
  mkdirSync(join(directory, 'closed', 'x'));
  chmodSync(join(directory, 'closed'), 0o500);
  const closed = fileStore(join(directory, 'closed'), { reader });
  await t.rejects(closed.delete(key('one')), { code: 'forbidden' });
  chmodSync(join(directory, 'closed'), 0o700);
});

t.test('a watch goes on from a listing only', async (t) => {
  const { store } = prepare(t, {});
  const watch = async (): Promise<void> => {
    const options = { resourceVersion: 'unknown', signal: new AbortController().signal };
    for await (const event of store.watch('Tier', options)) t.fail(event.type);
  };
  await t.rejects(watch(), { code: 'expired' });
});
