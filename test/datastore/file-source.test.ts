import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type FileSourceOptions, fileSource } from '../../src/datastore/file/file-source.js';
import { objectTable } from '../../src/datastore/file/object-table.js';
import { objectReader } from '../../src/datastore/file/read-objects.js';
import type { FileContent } from '../../src/datastore/file/reader.js';
import type { Connection, Problems, SourceEvent } from '../../src/datastore/source.js';
import { fakeSource } from '../../src/datastore/source-fake.js';
import { keyText, type ObjectKey, type Parsed } from '../../src/resources/resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { type ApiObject, sourceContract } from './source-contract.js';

const reader = objectReader(checkSelector);

function set(name: string, ...nets: string[]): string {
  return `apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata:\n  name: ${name}\nspec:\n  nets: [${nets.join(', ')}]\n`;
}

const brokenYaml = 'apiVersion: projectcalico.org/v3\nkind: [GlobalNetworkSet\n';
const badNet = (name: string): string => set(name, 'nonsense');

/** What a listener knows: objects as nets, problems by file; and all that was told. */
function follow(directory: string, options: Partial<FileSourceOptions> = {}) {
  const source = fileSource(directory, { reader, directoryPollMs: 20, pollMs: 60_000, ...options });
  const objects = new Map<string, string>();
  const origins = new Map<string, string>();
  const problems = new Map<string, Problems>();
  const batches: (readonly SourceEvent[])[] = [];
  const connections: Connection[] = [];
  const waiting = new Set<() => void>();
  let synced = 0;
  const wake = (): void => {
    for (const check of waiting) check();
  };
  source.start({
    events(events) {
      batches.push(events);
      for (const event of events) {
        if (event.type === 'update') {
          objects.set(keyText(event.key), netsOf(event.parsed));
          origins.set(keyText(event.key), `${event.origin.file}:${event.origin.line}`);
        } else if (event.type === 'delete') {
          objects.delete(keyText(event.key));
        } else if (event.problems.length === 0) {
          problems.delete(event.file);
        } else {
          problems.set(event.file, event);
        }
      }
      wake();
    },
    inSync() {
      synced += 1;
      wake();
    },
    connection(state) {
      connections.push(state);
      wake();
    },
  });
  t.teardown(() => source.stop());
  return {
    source,
    objects,
    origins,
    problems,
    batches,
    connections,
    synced: () => synced,
    events: () => batches.flat(),
    /** Everything as `name=nets`, sorted. */
    state: () =>
      [...objects]
        .map(([text, nets]) => `${text.split('/').at(-1)}=${nets}`)
        .sort()
        .join(' '),
    /** Resolves when a thing that events bring about is so; the test's own time limit ends a wait in vain. */
    until(condition: () => boolean): Promise<void> {
      return new Promise((resolve) => {
        const check = (): void => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
  };
}

function netsOf(parsed: Parsed): string {
  if (!parsed.valid) return 'invalid';
  return parsed.resource.kind === 'GlobalNetworkSet'
    ? (parsed.resource.spec.nets ?? []).join(',')
    : parsed.resource.kind;
}

/** Replaces a file as careful programs do. */
function replace(directory: string, name: string, text: string): void {
  writeFileSync(join(directory, '.new'), text);
  renameSync(join(directory, '.new'), join(directory, name));
}

t.test('first snapshot', async (t) => {
  const dir = t.testdir({
    'a.yaml': `${set('a', '10.0.0.1')}---\n${set('b', '10.0.0.2')}`,
    'c.yml': set('c', '10.0.0.3'),
    'd.json': JSON.stringify({
      apiVersion: 'projectcalico.org/v3',
      kind: 'GlobalNetworkSet',
      metadata: { name: 'd' },
      spec: { nets: ['10.0.0.4'] },
    }),
    sub: { deeper: { 'e.yaml': set('e', '10.0.0.5') } },
    'README.md': 'not a resource',
    '.hidden.yaml': set('hidden', '1.1.1.1'),
    '.git': { 'x.yaml': set('hidden', '1.1.1.1') },
    'empty.yaml': '',
  });
  const f = follow(dir);
  await f.until(() => f.synced() === 1);
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.2 c=10.0.0.3 d=10.0.0.4 e=10.0.0.5');
  t.equal(f.origins.get('GlobalNetworkSet//b'), `${join(dir, 'a.yaml')}:8`);
  t.strictSame(f.connections, [{ connected: true }]);
  const told = f.batches.length;
  t.equal(f.problems.size, 0);
  await f.source.catchUp();
  t.equal(f.batches.length, told, 'nothing is told twice');
  await f.source.stop();
  replace(dir, 'a.yaml', set('a', '10.9.9.9'));
  await sleep(30);
  t.equal(f.batches.length, told, 'nothing is told after stop');
  await t.rejects(f.source.catchUp());
});

t.test('an atomic replacement counts at once, only what differs is told', async (t) => {
  const dir = t.testdir({ 'a.yaml': `${set('a', '10.0.0.1')}---\n${set('b', '10.0.0.2')}` });
  // With these times anything that is waited for would not come in the time of the test.
  // The first scan finds files of before it was watching: those are judged by their age.
  utimesSync(join(dir, 'a.yaml'), 1, 1);
  const f = follow(dir, { settleMs: 600_000, graceMs: 600_000 });
  await f.until(() => f.synced() === 1);
  for (let round = 0; round < 20; round += 1) {
    replace(dir, 'a.yaml', `${set('a', `10.1.0.${round}`)}---\n${set('b', '10.0.0.2')}`);
    replace(dir, `new${round}.yaml`, set(`n${round}`, '10.0.0.9'));
    await f.until(
      () => f.objects.get('GlobalNetworkSet//a') === `10.1.0.${round}` && f.objects.has(`GlobalNetworkSet//n${round}`),
    );
  }
  const told = f.events().filter((event) => event.type === 'update' && event.key.name === 'b');
  t.equal(told.length, 1, 'what did not change is not told again');
});

t.test('a file written in place in pieces is never seen half', async (t) => {
  const dir = t.testdir({ 'a.yaml': set('a', '10.0.0.1'), 'old.yaml': set('old', '10.0.0.1') });
  const f = follow(dir, { settleMs: 150 });
  await f.source.catchUp();
  const before = f.batches.length;
  const whole = `${set('a', '10.0.0.2')}---\n${set('b', '10.0.0.3')}---\n${set('c', '10.0.0.4')}`;
  for (const name of ['a.yaml', 'fresh.yaml']) {
    const text = name === 'a.yaml' ? whole : whole.replace(/name: /g, 'name: fresh-');
    // Truncated first, as an editor or a shell does, then document by document: each state is valid by itself.
    const file = openSync(join(dir, name), 'w');
    for (const piece of text.split(/(?=---\n)/)) {
      await sleep(10);
      writeSync(file, piece);
    }
    closeSync(file);
  }
  await f.source.catchUp();
  t.equal(
    f.state(),
    'a=10.0.0.2 b=10.0.0.3 c=10.0.0.4 fresh-a=10.0.0.2 fresh-b=10.0.0.3 fresh-c=10.0.0.4 old=10.0.0.1',
  );
  t.notOk(
    f.events().some((event) => event.type !== 'update'),
    'no deletion, no problem',
  );
  const sizes = f.batches.slice(before).map((batch) => batch.length);
  t.ok(
    sizes.every((size) => size % 3 === 0),
    `three objects at a time, not ${sizes}`,
  );
});

t.test('delete and write anew, empty and fill: no flapping', async (t) => {
  const dir = t.testdir({
    'a.yaml': set('a', '10.0.0.1'),
    'b.yaml': set('b', '10.0.0.1'),
    'c.yaml': set('c', '10.0.0.1'),
  });
  const f = follow(dir, { graceMs: 300, emptyMs: 300 });
  await f.source.catchUp();
  unlinkSync(join(dir, 'a.yaml'));
  const file = openSync(join(dir, 'b.yaml'), 'r+');
  ftruncateSync(file, 0);
  renameSync(join(dir, 'c.yaml'), join(dir, 'moved.yaml'));
  await sleep(100);
  writeFileSync(join(dir, 'a.yaml'), set('a', '10.0.0.2'));
  writeSync(file, set('b', '10.0.0.2'));
  closeSync(file);
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.2 b=10.0.0.2 c=10.0.0.1');
  t.notOk(
    f.events().some((event) => event.type !== 'update'),
    'no deletion, no problem',
  );
  t.equal(f.origins.get('GlobalNetworkSet//c'), `${join(dir, 'moved.yaml')}:1`);

  unlinkSync(join(dir, 'a.yaml'));
  writeFileSync(join(dir, 'b.yaml'), '');
  await f.source.catchUp();
  t.equal(f.state(), 'c=10.0.0.1', 'what stays away or empty is gone');
});

t.test('a burst of 1000 files', async (t) => {
  const dir = t.testdir({});
  const f = follow(dir);
  await f.source.catchUp();
  for (let i = 0; i < 1000; i += 1) replace(dir, `f${i}.yaml`, set(`f${i}`, '10.0.0.1'));
  await f.until(() => f.objects.size === 1000);
  t.ok(f.batches.length <= 20, `few scans, not ${f.batches.length}`);
  const before = f.batches.length;
  for (let i = 0; i < 1000; i += 1) {
    if (i % 2 === 0) unlinkSync(join(dir, `f${i}.yaml`));
    else writeFileSync(join(dir, `f${i}.yaml`), set(`f${i}`, '10.0.0.2'));
  }
  await f.until(() => f.objects.size === 500 && [...f.objects.values()].every((nets) => nets === '10.0.0.2'));
  t.ok(f.batches.length - before <= 40, `few scans, not ${f.batches.length - before}`);
  t.equal(f.problems.size, 0);
});

t.test('a file that can not be parsed keeps its objects', async (t) => {
  const dir = t.testdir({
    'a.yaml': `${set('a', '10.0.0.1')}---\n${set('b', '10.0.0.1')}`,
    'z.yaml': set('z', '10.0.0.1'),
  });
  const f = follow(dir);
  const path = join(dir, 'a.yaml');
  await f.source.catchUp();
  replace(dir, 'a.yaml', `${set('a', '10.0.0.2')}---\n${brokenYaml}`);
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.1 z=10.0.0.1', 'also the document before the broken one');
  const told = f.problems.get(path);
  t.match(told, { unreadable: true });
  t.ok((told?.problems[0]?.line ?? 0) >= 8, 'with the line');

  const from = f.batches.length;
  replace(dir, 'a.yaml', set('a', '10.0.0.3'));
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.3 z=10.0.0.1');
  t.strictSame(
    f.batches
      .slice(from)
      .flat()
      .map(({ type }) => type),
    ['update', 'delete', 'problems'],
    'the end of the problem comes last',
  );
  t.equal(f.problems.size, 0);

  writeFileSync(path, Buffer.from([0x61, 0xff, 0xfe]));
  await f.source.catchUp();
  t.match(f.problems.get(path), { unreadable: true, problems: [{ issue: { code: 'not-utf-8' } }] });
  unlinkSync(path);
  await f.source.catchUp();
  t.equal(f.state(), 'z=10.0.0.1');
  t.equal(f.problems.size, 0, 'a removed file has no problems');
});

t.test('invalid and unidentified objects', async (t) => {
  const dir = t.testdir({
    'a.yaml': `${set('a', '10.0.0.1')}---\n${set('b', '10.0.0.1')}---\n${set('c', '10.0.0.1')}`,
  });
  const path = join(dir, 'a.yaml');
  const f = follow(dir);
  await f.source.catchUp();
  const nameless = set('b', '10.0.0.2').replace('name: b', 'nam: b');
  replace(dir, 'a.yaml', `${badNet('a')}---\n${nameless}---\n${set('c', '10.0.0.2')}`);
  await f.source.catchUp();
  t.equal(f.state(), 'a=invalid b=10.0.0.1 c=10.0.0.2', 'b may be the one without a name');
  const invalid = f.events().find((event) => event.type === 'update' && !event.parsed.valid);
  t.match(invalid, { origin: { line: 1 }, parsed: { issues: [{ path: 'spec.nets[0]', line: 6 }] } });
  t.match(f.problems.get(path), { unreadable: false, problems: [{ line: 8 }] });

  const typo = set('b', '10.0.0.2').replace('GlobalNetworkSet', 'GlobalNetworkSt');
  replace(dir, 'a.yaml', typo);
  await f.source.catchUp();
  t.equal(f.state(), 'b=10.0.0.1', 'the one of that name may be meant, the others are gone');
  replace(dir, 'a.yaml', set('b', '10.0.0.3'));
  await f.source.catchUp();
  t.equal(f.state(), 'b=10.0.0.3');
  t.equal(f.problems.size, 0);
});

t.test('the same object in two files', async (t) => {
  const dir = t.testdir({ 'b.yaml': set('x', '10.0.0.2') });
  const [a, b] = [join(dir, 'a.yaml'), join(dir, 'b.yaml')];
  const f = follow(dir);
  await f.source.catchUp();
  replace(dir, 'a.yaml', set('x', '10.0.0.1'));
  await f.source.catchUp();
  t.equal(f.state(), 'x=10.0.0.1', 'the path that sorts first');
  t.match(f.problems.get(b), { unreadable: false, problems: [{ key: { name: 'x' }, line: 1 }] });
  const message = f.problems.get(b)?.problems[0]?.issue.message ?? '';
  t.ok(message.includes(a) && message.includes(b), message);
  replace(dir, 'b.yaml', set('x', '10.0.0.3'));
  await f.source.catchUp();
  t.equal(f.state(), 'x=10.0.0.1');
  unlinkSync(a);
  await f.source.catchUp();
  t.equal(f.state(), 'x=10.0.0.3', 'the other takes over');
  t.equal(f.problems.size, 0);
  t.notOk(f.events().some(({ type }) => type === 'delete'));

  replace(dir, 'b.yaml', `${set('x', '10.0.0.4')}---\n${set('x', '10.0.0.5')}`);
  await f.source.catchUp();
  t.equal(f.state(), 'x=10.0.0.4', 'in one file the first');
  t.match(f.problems.get(b), { problems: [{ key: { name: 'x' }, line: 8 }] });
});

t.test('subdirectories come and go', async (t) => {
  const dir = t.testdir({ keep: { 'k.yaml': set('k', '10.0.0.1') } });
  const f = follow(dir);
  await f.source.catchUp();
  mkdirSync(join(dir, 'sub/deep'), { recursive: true });
  writeFileSync(join(dir, 'sub/deep/a.yaml'), set('a', '10.0.0.1'));
  await f.until(() => f.state() === 'a=10.0.0.1 k=10.0.0.1');
  replace(join(dir, 'sub/deep'), 'a.yaml', set('a', '10.0.0.2'));
  await f.until(() => f.state() === 'a=10.0.0.2 k=10.0.0.1');
  renameSync(join(dir, 'sub'), join(dir, 'other'));
  await f.until(() => f.origins.get('GlobalNetworkSet//a')?.startsWith(join(dir, 'other/deep/a.yaml')) ?? false);
  replace(join(dir, 'other/deep'), 'a.yaml', set('a', '10.0.0.3'));
  await f.until(() => f.state() === 'a=10.0.0.3 k=10.0.0.1');
  t.strictSame(
    f.events().filter(({ type }) => type === 'delete'),
    [],
  );
  rmSync(join(dir, 'other'), { recursive: true });
  await f.until(() => f.state() === 'k=10.0.0.1');
  mkdirSync(join(dir, 'other'));
  replace(join(dir, 'other'), 'b.yaml', set('b', '10.0.0.1'));
  await f.until(() => f.state() === 'b=10.0.0.1 k=10.0.0.1');
  mkdirSync(join(dir, 'x.yaml'));
  writeFileSync(join(dir, 'x.yaml/in.yaml'), set('in', '10.0.0.1'));
  await f.until(() => f.state() === 'b=10.0.0.1 in=10.0.0.1 k=10.0.0.1');
  t.equal(f.problems.size, 0);
});

t.test('links', async (t) => {
  const base = t.testdir({
    dir: { '..one': { 'a.yaml': set('a', '10.0.0.1') }, '..two': { 'a.yaml': set('a', '10.0.0.2') } },
    'elsewhere.yaml': set('e', '10.0.0.1'),
  });
  const dir = join(base, 'dir');
  symlinkSync('..one', join(dir, '..data'));
  symlinkSync('..data/a.yaml', join(dir, 'a.yaml'));
  symlinkSync('../elsewhere.yaml', join(dir, 'e.yaml'));
  symlinkSync('.', join(dir, 'loop'));
  const f = follow(dir);
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.1 e=10.0.0.1');
  t.equal(f.problems.size, 0, 'a link to a directory around it is not followed');
  // As the kubelet updates a ConfigMap.
  symlinkSync('..two', join(dir, '..data_tmp'));
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
  await f.until(() => f.state() === 'a=10.0.0.2 e=10.0.0.1');
  replace(base, 'elsewhere.yaml', set('e', '10.0.0.3'));
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.2 e=10.0.0.3', 'what a link points to is looked at');
  renameSync(join(base, 'elsewhere.yaml'), join(base, 'gone'));
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.2 e=10.0.0.3', 'a broken link is no removal');
  t.match(f.problems.get(join(dir, 'e.yaml')), { unreadable: true, problems: [{ issue: { code: 'broken-link' } }] });
  renameSync(join(base, 'gone'), join(base, 'elsewhere.yaml'));
  await f.source.catchUp();
  t.equal(f.problems.size, 0);
  unlinkSync(join(dir, 'e.yaml'));
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.2');
});

t.test('without permission', async (t) => {
  // Root may read everything: the source runs as nobody then, in a place that nobody can get to.
  const isRoot = process.getuid?.() === 0;
  const as = (who: 'owner' | 'nobody'): void => {
    if (isRoot) process.seteuid?.(who === 'owner' ? 0 : 65534);
  };
  const dir = mkdtempSync(join(tmpdir(), 'margay-'));
  t.teardown(() => {
    as('owner');
    rmSync(dir, { recursive: true });
  });
  mkdirSync(join(dir, 'sub'));
  writeFileSync(join(dir, 'a.yaml'), set('a', '10.0.0.1'));
  writeFileSync(join(dir, 'sub/b.yaml'), set('b', '10.0.0.1'));
  const modes = (directory: number, file: number): void => {
    as('owner');
    chmodSync(join(dir, 'a.yaml'), file);
    chmodSync(join(dir, 'sub'), directory);
    as('nobody');
  };
  chmodSync(dir, 0o755);
  modes(0o755, 0o644);
  const f = follow(dir);
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.1');
  modes(0, 0);
  await f.until(() => f.problems.size === 2);
  t.match(f.problems.get(join(dir, 'a.yaml')), { unreadable: true, problems: [{ issue: { code: 'EACCES' } }] });
  t.match(f.problems.get(join(dir, 'sub')), { unreadable: true, problems: [{ issue: { code: 'EACCES' } }] });
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.1');
  modes(0o755, 0o644);
  await f.until(() => f.problems.size === 0);
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.1');
  t.notOk(f.events().some(({ type }) => type === 'delete'));

  as('owner');
  chmodSync(dir, 0);
  as('nobody');
  await t.rejects(f.source.catchUp(), /EACCES/, 'a directory that can not be listed is lost');
  as('owner');
  chmodSync(dir, 0o755);
  as('nobody');
  await f.source.catchUp();
  t.notOk(f.events().some(({ type }) => type === 'delete'));
  await f.source.stop();
});

t.test('the directory moved away, back, and replaced', async (t) => {
  const base = t.testdir({ dir: { 'a.yaml': set('a', '10.0.0.1'), 'b.yaml': set('b', '10.0.0.1') } });
  const dir = join(base, 'dir');
  const f = follow(dir);
  await f.source.catchUp();
  const connected = () => f.connections.at(-1)?.connected;
  renameSync(dir, join(base, 'away'));
  await f.until(() => connected() === false);
  t.match(f.connections.at(-1)?.reason, /does not exist/);
  await t.rejects(f.source.catchUp(), /does not exist/);
  replace(join(base, 'away'), 'a.yaml', set('a', '10.0.0.2'));
  unlinkSync(join(base, 'away/b.yaml'));
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.1');

  mkdirSync(dir);
  await f.until(() => /another directory/.test(f.connections.at(-1)?.reason ?? ''));
  writeFileSync(join(dir, 'c.yaml'), set('c', '10.0.0.1'));
  await t.rejects(f.source.catchUp(), /another directory/);
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.1');

  rmSync(dir, { recursive: true });
  writeFileSync(dir, '');
  await f.until(() => /not a directory/.test(f.connections.at(-1)?.reason ?? ''));
  rmSync(dir);
  const before = f.batches.length;
  renameSync(join(base, 'away'), dir);
  await f.until(() => connected() === true);
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.2');
  t.strictSame(
    f.batches
      .slice(before)
      .flat()
      .map(({ type }) => type)
      .sort(),
    ['delete', 'update'],
    'only the differences',
  );
  replace(dir, 'a.yaml', set('a', '10.0.0.3'));
  await f.until(() => f.state() === 'a=10.0.0.3');
  t.equal(f.synced(), 1, 'in sync is told once');
});

const noMounts =
  spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'no mount namespace can be made (not root?)';

t.test('another file system mounted in the place of the first', { skip: noMounts }, async (t) => {
  // Mounts need a mount namespace of their own, so it is a program of its own that looks at directories.
  const dir = t.testdir({ mount: {} });
  const program = `
    import { stat } from 'node:fs/promises';
    import { execFileSync, spawnSync } from 'node:child_process';
    const { directoryIdentity } = await import(process.argv[1]);
    for (const round of ['one', 'two']) {
      execFileSync('mount', ['-t', 'tmpfs', 'none', 'mount']);
      const found = await stat('mount', { bigint: true });
      console.log(found.dev + ':' + found.ino, await directoryIdentity(found));
      execFileSync('umount', ['mount']);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }`;
  const module = new URL('../../src/datastore/file/directory-identity.ts', import.meta.url).href;
  const args = ['-m', process.execPath, ...process.execArgv, '--input-type=module', '-e', program, module];
  const lines = execFileSync('unshare', args, { cwd: dir, encoding: 'utf8', timeout: 20_000 }).trim().split('\n');
  const [one, two] = lines.map((line) => line.slice(line.indexOf(' ') + 1));
  t.equal(lines.length, 2);
  t.not(one, two, lines.join(' and '));
});

t.test('files that vanish together with the directory are not deleted', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const base = t.testdir({ dir: { 'a.yaml': set('a', '10.0.0.1'), sub: { 'b.yaml': set('b', '10.0.0.1') } } });
    const dir = join(base, 'dir');
    const f = follow(dir, { graceMs: 1 });
    await f.source.catchUp();
    // Removed from the inside, as `rm -r` does, but the directory goes before the grace ends.
    rmSync(dir, { recursive: true });
    await f.until(() => f.connections.at(-1)?.connected === false);
    t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.1');
    await f.source.stop();
  }
});

t.test('a directory that does not exist yet', async (t) => {
  const dir = join(t.testdir({}), 'dir');
  const f = follow(dir);
  await f.until(() => f.connections.length === 1);
  t.match(f.connections, [{ connected: false, reason: /does not exist/ }]);
  await t.rejects(f.source.catchUp());
  t.equal(f.synced(), 0);
  mkdirSync(dir);
  await f.until(() => f.synced() === 1);
  replace(dir, 'a.yaml', set('a', '10.0.0.1'));
  await f.until(() => f.state() === 'a=10.0.0.1');
});

t.test('a file that never comes to rest blocks nobody', async (t) => {
  const dir = t.testdir({ 'a.yaml': set('a', '10.0.0.1'), 'b.yaml': set('b', '10.0.0.1') });
  const f = follow(dir, { settleMs: 100, restlessMs: 300 });
  await f.source.catchUp();
  const writing = setInterval(() => appendFileSync(join(dir, 'a.yaml'), '# more\n'), 10);
  await sleep(20);
  replace(dir, 'b.yaml', set('b', '10.0.0.2'));
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.1 b=10.0.0.2');
  t.match(f.problems.get(join(dir, 'a.yaml')), { unreadable: true, problems: [{ issue: { code: 'restless' } }] });
  clearInterval(writing);
  await f.until(() => f.problems.size === 0);
});

t.test('changes of which there are no events are found by looking', async (t) => {
  const base = t.testdir({ dir: {}, 'e.yaml': set('e', '10.0.0.1') });
  symlinkSync('../e.yaml', join(base, 'dir/e.yaml'));
  const f = follow(join(base, 'dir'), { pollMs: 50 });
  await f.source.catchUp();
  replace(base, 'e.yaml', set('e', '10.0.0.2'));
  await t.resolves(
    f.until(() => f.state() === 'e=10.0.0.2'),
    'without catchUp',
  );
});

t.test('a parser that fails', async (t) => {
  const dir = t.testdir({ 'a.yaml': set('a', '10.0.0.1'), 'b.yaml': set('b', '10.0.0.1') });
  const failing: FileSourceOptions['reader'] = (text, format, file) => {
    if (file.endsWith('b.yaml')) throw new RangeError('Maximum call stack size exceeded');
    return reader(text, format, file);
  };
  const f = follow(dir, { reader: failing });
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.1');
  t.match(f.problems.get(join(dir, 'b.yaml')), { unreadable: true, problems: [{ issue: { message: /call stack/ } }] });
});

t.test('random changes end as the files are', async (t) => {
  const dir = t.testdir({ sub: {} });
  const f = follow(dir, { settleMs: 15, graceMs: 5, emptyMs: 20 });
  await f.source.catchUp();
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  const expected = new Map<string, string>();
  for (let step = 0; step < 400; step += 1) {
    const name = `${random(2) === 0 ? 'sub/' : ''}f${random(12)}.yaml`;
    const net = `10.0.${random(250)}.1`;
    const text = set(name.replace('/', '-').replace('.yaml', ''), net);
    const how = random(4);
    if (how === 0) {
      rmSync(join(dir, name), { force: true });
      expected.delete(name);
    } else {
      if (how === 1) replace(dir, name, text);
      else writeFileSync(join(dir, name), text);
      expected.set(name, net);
    }
    if (random(10) === 0) await sleep(random(20));
  }
  await f.source.catchUp();
  const state = [...expected]
    .map(([name, net]) => `${name.replace('/', '-').replace('.yaml', '')}=${net}`)
    .sort()
    .join(' ');
  t.equal(f.state(), state);
  t.equal(f.problems.size, 0);
});

t.test('object table: a file away for the moment gives way, and comes back', async (t) => {
  const table = objectTable();
  const content = (net: string): FileContent => {
    return reader(set('x', net), 'yaml', 'x');
  };
  table.put('a', content('10.0.0.1'));
  table.put('b', content('10.0.0.2'));
  t.match(table.flush(), [
    { type: 'update', origin: { file: 'a' } },
    { type: 'problems', file: 'b' },
  ]);
  table.setAway('a', true);
  t.match(table.flush(), [
    { type: 'update', origin: { file: 'b' } },
    { type: 'problems', file: 'b', problems: [] },
  ]);
  table.setAway('a', false);
  t.match(table.flush(), [
    { type: 'update', origin: { file: 'a' } },
    { type: 'problems', file: 'b' },
  ]);
  table.remove('a');
  table.remove('b');
  t.match(table.flush(), [{ type: 'delete' }, { type: 'problems', file: 'b', problems: [] }]);
  t.strictSame(table.flush(), []);
});

t.test('the fake', async (t) => {
  const source = fakeSource();
  const told: string[] = [];
  const [object] = reader(set('x', '10.0.0.1'), 'yaml', 'x').objects;
  if (object === undefined) throw new Error('no object');
  source.update(object);
  source.start({
    events: (events) => told.push(...events.map(({ type }) => type)),
    inSync: () => told.push('inSync'),
    connection: ({ connected }) => told.push(connected ? 'connected' : 'lost'),
  });
  source.inSync();
  source.lose('pulled the plug');
  source.delete(object.key);
  await t.rejects(source.catchUp(), /pulled/);
  source.restore();
  await source.catchUp();
  source.problems({ file: 'f', unreadable: true, problems: [] });
  await source.stop();
  source.update(object);
  t.strictSame(told, ['connected', 'update', 'inSync', 'lost', 'connected', 'delete', 'problems']);
});

t.test('no file text is needed twice', async (t) => {
  const dir = t.testdir({ 'a.yaml': set('a', '10.0.0.1') });
  let reads = 0;
  const counting: FileSourceOptions['reader'] = (text, format, file) => {
    reads += 1;
    return reader(text, format, file);
  };
  const f = follow(dir, { reader: counting });
  await f.source.catchUp();
  await f.source.catchUp();
  t.equal(reads, 1, 'a look at an unchanged file does not read it');
  t.equal(readFileSync(join(dir, 'a.yaml'), 'utf8'), set('a', '10.0.0.1'));
});

t.test('the contract of sources', async (t) => {
  sourceContract(t, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'margay-contract-'));
    const [resources, away] = [join(directory, 'resources'), join(directory, 'away')];
    mkdirSync(resources);
    let home = resources;
    /** Many objects share a hundred files, as lists. */
    const files = new Map<string, Map<string, ApiObject>>();
    const fileOf = ({ name }: { readonly name: string }) =>
      `${name.replace(/^s(\d+)$/, (_, digits) => `s${digits % 100}`)}.json`;
    const write = (file: string) => {
      const objects = [...(files.get(file)?.values() ?? [])];
      if (objects.length === 0) return unlinkSync(join(home, file));
      writeFileSync(join(home, '.new'), JSON.stringify(objects));
      renameSync(join(home, '.new'), join(home, file));
    };
    const change = (all: readonly (readonly [ObjectKey, ApiObject | undefined])[]) => {
      for (const [key, object] of all) {
        const objects = files.get(fileOf(key)) ?? new Map();
        files.set(fileOf(key), objects);
        if (object === undefined) objects.delete(keyText(key));
        else objects.set(keyText(key), object);
      }
      for (const file of new Set(all.map(([key]) => fileOf(key)))) write(file);
    };
    return {
      source: () => fileSource(resources, { reader, directoryPollMs: 20 }),
      put: async (...objects) => change(objects.map((object) => [{ ...object.metadata, kind: object.kind }, object])),
      delete: async (...keys) => change(keys.map((key) => [key, undefined])),
      async putGarbage(key) {
        writeFileSync(join(home, '.new'), '{"kind": ');
        renameSync(join(home, '.new'), join(home, fileOf(key)));
      },
      async putUnknown() {
        const pool = { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name: 'pool' }, spec: {} };
        change([[{ kind: 'IPPool', name: 'pool' }, pool]]);
      },
      async cut() {
        renameSync(resources, away);
        home = away;
      },
      async restore() {
        renameSync(away, resources);
        home = resources;
      },
      async close() {
        rmSync(directory, { recursive: true });
      },
    };
  });
});
