import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type Admission, admission, type Change } from '../../src/agent/admission.js';
import {
  readCommittedRuleset,
  removeCommittedRuleset,
  saveCommittedRuleset,
} from '../../src/agent/committed-ruleset.js';
import { type JournalEntry, objectJournal } from '../../src/agent/object-journal.js';
import { fileSource } from '../../src/datastore/file/file-source.js';
import { objectReader } from '../../src/datastore/file/read-objects.js';
import type { Problems, SourceEvent, Update } from '../../src/datastore/source.js';
import type { Resource } from '../../src/resources/kinds.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { keyText, type ObjectKey } from '../../src/resources/resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { restored } from './fake-state-keeper.js';

function key(name: string): ObjectKey {
  return { kind: 'Tier', name };
}

/** A resource of which the version shows. */
function tier(name: string, version: number): Resource {
  return { apiVersion: 'projectcalico.org/v3', kind: 'Tier', metadata: { name }, spec: { order: version } };
}

function valid(name: string, version: number, file = 'f.yaml'): Update {
  return {
    type: 'update',
    key: key(name),
    origin: { file, line: 1 },
    parsed: { valid: true, resource: tier(name, version), warnings: [] },
  };
}

function invalid(name: string, file = 'f.yaml', ...more: string[]): Update {
  const issues = ['spec.order', ...more].map((path) => ({ path, code: 'type', message: 'must be a number', line: 7 }));
  return { type: 'update', key: key(name), origin: { file, line: 3 }, parsed: { valid: false, issues, warnings: [] } };
}

function gone(name: string): SourceEvent {
  return { type: 'delete', key: key(name) };
}

function unreadable(file: string): Problems {
  return {
    type: 'problems',
    file,
    unreadable: true,
    problems: [{ line: 2, issue: { path: '', code: 'syntax', message: 'is cut short' } }],
  };
}

function readable(file: string): Problems {
  return { type: 'problems', file, unreadable: false, problems: [] };
}

function entry(name: string, version: number, file = 'f.yaml'): JournalEntry {
  return { key: key(name), origin: { file, line: 1 }, resource: tier(name, version) };
}

/** What the journal in a directory has. */
async function loadedFrom(dir: string) {
  const { entries, problems } = await objectJournal(dir, revive).load();
  return { entries: entries.map(({ key, origin, revived }) => ({ key, origin, resource: revived() })), problems };
}

const refusal = { path: '', code: 'refused', message: 'the kernel says no' };

/** The calculation: what it has been told, as `name=version`. */
function calculation() {
  const has = new Map<string, Resource>();
  return {
    take(changes: readonly Change[]): Change[] {
      for (const change of changes) {
        if ('upsert' in change) has.set(change.upsert.metadata.name, change.upsert);
        else has.delete(change.remove.name);
      }
      return [...changes];
    },
    state: () => [...has.values()].map(shown).sort().join(' '),
  };
}

function shown(resource: Resource): string {
  return `${resource.metadata.name}=${resource.kind === 'Tier' ? resource.spec.order : '?'}`;
}

function commit(admitted: Admission) {
  admitted.mark();
  return admitted.committed();
}

t.test('valid, invalid, deleted', async (t) => {
  const admitted = admission();
  const c = calculation();
  c.take(admitted.events([valid('a', 1), valid('b', 1), invalid('n')]));
  t.equal(c.state(), 'a=1 b=1');
  t.match(admitted.quarantined(), [
    {
      kind: 'Tier',
      name: 'n',
      file: 'f.yaml',
      line: 7,
      path: 'spec.order',
      code: 'type',
      message: 'must be a number',
      inForce: 'absent',
    },
  ]);
  t.strictSame(admitted.events([invalid('a', 'f.yaml', 'spec.defaultAction')]), [], 'stays as it was');
  t.match(admitted.quarantined()[0], { name: 'a', message: 'must be a number (and 1 more)', inForce: 'last valid' });
  t.strictSame(admitted.events([valid('b', 1)]), [], 'the same once more changes nothing');
  c.take(admitted.events([valid('a', 2), gone('n'), gone('b'), gone('never')]));
  t.equal(c.state(), 'a=2');
  t.strictSame(admitted.quarantined(), []);
  c.take(admitted.events([invalid('b')]));
  t.equal(c.state(), 'a=2', 'what was deleted does not come back');
});

t.test('warnings', async (t) => {
  const admitted = admission();
  const issue = { path: 'spec.foo', code: 'unknown-field', message: 'is unknown' };
  admitted.events([{ ...valid('a', 1), parsed: { valid: true, resource: tier('a', 1), warnings: [issue] } }]);
  t.strictSame(admitted.warnings(), [{ key: key('a'), origin: { file: 'f.yaml', line: 1 }, issue }]);
  admitted.events([gone('a')]);
  t.strictSame(admitted.warnings(), []);
});

t.test('refused by the kernel', async (t) => {
  const admitted = admission();
  const c = calculation();
  c.take(admitted.events([valid('a', 1), valid('b', 1)]));
  t.strictSame(commit(admitted).length, 2);
  c.take(admitted.events([valid('a', 2)]));
  c.take(admitted.events([valid('a', 3), valid('n', 1)]));
  admitted.mark();
  c.take(admitted.refuse(key('a'), refusal));
  c.take(admitted.refuse(key('n'), refusal));
  t.equal(c.state(), 'a=1 b=1', 'the committed version, not one that was never tried');
  t.match(admitted.quarantined(), [
    { name: 'a', code: 'refused', inForce: 'last valid' },
    { name: 'n', code: 'refused', inForce: 'absent' },
  ]);
  t.strictSame(commit(admitted), [], 'the journal has it already');
  t.strictSame(admitted.events([valid('a', 3)]), [], 'the same version, as from a new list, stays refused');
  c.take(admitted.events([valid('a', 4)]));
  t.equal(c.state(), 'a=4 b=1');
  t.strictSame(
    admitted.quarantined().map(({ name }) => name),
    ['n'],
  );

  admitted.mark();
  c.take(admitted.events([valid('a', 5)]));
  t.strictSame(
    admitted.refuse(key('a'), refusal),
    [],
    'it has changed since: what was refused does not count any more',
  );
  t.strictSame(
    admitted.committed().map((change) => ('put' in change ? shown(change.put.resource) : change)),
    ['a=4'],
  );

  // A version that was committed may be refused as well, by another kernel: nothing is left to go back to.
  commit(admitted);
  c.take(admitted.refuse(key('b'), refusal));
  t.equal(c.state(), 'a=5');
  t.match(admitted.quarantined(), [{ name: 'b', inForce: 'absent' }, { name: 'n' }]);
  t.strictSame(commit(admitted), [{ drop: key('b') }]);
  t.strictSame(admitted.refuse(key('nobody'), refusal), []);
});

t.test('what happens between mark and commit', async (t) => {
  const admitted = admission();
  admitted.events([valid('a', 1)]);
  commit(admitted);
  admitted.mark();
  admitted.events([gone('a')]);
  admitted.committed();
  t.strictSame(commit(admitted), [{ drop: key('a') }]);

  admitted.events([valid('b', 1)]);
  admitted.mark();
  admitted.events([gone('b'), valid('b', 2)]);
  t.match(admitted.committed(), [{ put: { resource: tier('b', 1) } }]);
  admitted.events([gone('b')]);
  t.strictSame(commit(admitted), [{ drop: key('b') }]);
  admitted.events([valid('b', 3)]);
  t.match(commit(admitted), [{ put: { resource: tier('b', 3) } }]);
  t.match(admitted.journalEntries(), [{ resource: tier('b', 3) }]);
});

t.test('restart', async (t) => {
  const admitted = admission();
  const c = calculation();
  const before = [
    entry('same', 1),
    entry('bad', 1),
    entry('changed', 1),
    entry('gone', 1),
    entry('hidden', 1, 'h.yaml'),
    entry('below', 1, 'dir/x.yaml'),
    entry('elsewhere', 1, 'h.yaml'),
  ];
  const asked: string[] = [];
  admitted.restore(
    before.map((one) => ({
      ...restored(one),
      revived: () => {
        asked.push(one.key.name);
        return one.resource;
      },
    })),
  );
  c.take(
    admitted.events([
      valid('same', 1),
      invalid('bad'),
      valid('changed', 2),
      unreadable('h.yaml'),
      unreadable('dir'),
      valid('elsewhere', 2),
    ]),
  );
  admitted.inSync();
  t.strictSame(
    asked.sort(),
    ['bad', 'below', 'changed', 'elsewhere', 'hidden'],
    'what is as it was is not validated again',
  );
  t.equal(c.state(), 'bad=1 below=1 changed=2 elsewhere=2 hidden=1 same=1');
  t.match(admitted.quarantined(), [
    { name: 'bad', inForce: 'last valid', path: 'spec.order' },
    { name: 'below', inForce: 'last valid', file: 'dir/x.yaml', code: 'syntax' },
    { name: 'hidden', inForce: 'last valid', file: 'h.yaml', code: 'syntax' },
  ]);
  t.match(admitted.problems(), [{ file: 'h.yaml' }, { file: 'dir' }]);
  const noted = commit(admitted).map((change) =>
    'put' in change ? shown(change.put.resource) : `-${change.drop.name}`,
  );
  t.strictSame(noted.sort(), ['-gone', 'changed=2', 'elsewhere=2'], 'what is as it was is not written again');
  t.strictSame(
    admitted
      .journalEntries()
      .map(({ resource }) => shown(resource))
      .sort()
      .join(' '),
    c.state(),
  );

  c.take(admitted.refuse(key('changed'), refusal));
  t.equal(c.state(), 'bad=1 below=1 elsewhere=2 hidden=1 same=1');
  c.take(admitted.events([valid('below', 5, 'dir/x.yaml'), readable('dir')]));
  c.take(admitted.events([readable('h.yaml')]));
  t.equal(c.state(), 'bad=1 below=5 elsewhere=2 same=1', 'what did not come from the readable file is gone');
  t.strictSame(admitted.problems(), []);
});

t.test('refused at the first commit after a restart: what was in force comes back', async (t) => {
  const admitted = admission();
  const c = calculation();
  admitted.restore([restored(entry('a', 1))]);
  c.take(admitted.events([valid('a', 2)]));
  admitted.inSync();
  admitted.mark();
  c.take(admitted.refuse(key('a'), refusal));
  t.equal(c.state(), 'a=1');
  t.strictSame(commit(admitted), []);
});

t.test(
  'what was in force before a restart, and is not valid for this version, is no version to go back to',
  async (t) => {
    const admitted = admission();
    const c = calculation();
    const names = ['bad', 'changed', 'hidden', 'same'];
    admitted.restore(names.map((name) => restored(entry(name, 1, `${name}.yaml`), false)));
    c.take(admitted.events([invalid('bad'), valid('changed', 2), unreadable('hidden.yaml'), valid('same', 1)]));
    admitted.inSync();
    t.equal(c.state(), 'changed=2 same=1');
    admitted.mark();
    c.take(admitted.refuse(key('changed'), refusal));
    t.equal(c.state(), 'same=1');
    commit(admitted);
    t.equal(ofVersions(admitted.journalEntries()), 'same=1');
  },
);

t.test('documents without identity', async (t) => {
  const admitted = admission();
  const c = calculation();
  admitted.restore([entry('a', 1), entry('b', 1), entry('c', 1, 'g.yaml')].map((one) => restored(one)));
  const issue = { path: 'kind', code: 'kind', message: 'is unknown' };
  c.take(admitted.events([{ type: 'problems', file: 'f.yaml', unreadable: false, problems: [{ name: 'a', issue }] }]));
  c.take(admitted.events([{ type: 'problems', file: 'g.yaml', unreadable: false, problems: [{ issue }] }]));
  admitted.inSync();
  t.equal(c.state(), 'a=1 c=1', 'it may be the one of its name, or any if it has none');
  t.match(admitted.quarantined(), [
    { name: 'a', code: 'kind' },
    { name: 'c', code: 'kind' },
  ]);
  c.take(admitted.events([{ type: 'problems', file: 'f.yaml', unreadable: false, problems: [{ name: 'b', issue }] }]));
  t.equal(c.state(), 'c=1');
});

t.test('an unreadable file while running, and a second definition', async (t) => {
  const admitted = admission();
  admitted.events([valid('a', 1), unreadable('f.yaml')]);
  t.match(admitted.quarantined(), [{ name: 'a', file: 'f.yaml', line: 1, code: 'syntax', inForce: 'last valid' }]);
  const issue = { path: '', code: 'second-definition', message: 'is in f.yaml too' };
  admitted.events([
    readable('f.yaml'),
    { type: 'problems', file: 'g.yaml', unreadable: false, problems: [{ key: key('a'), line: 4, issue }] },
  ]);
  t.match(admitted.quarantined(), [{ name: 'a', file: 'g.yaml', line: 4, code: 'second-definition' }]);
});

t.test('a kind that can not be read is told once, not for each of its objects', async (t) => {
  const admitted = admission();
  admitted.events([valid('a', 1, 'tiers/a'), { ...unreadable('tiers'), kind: 'Tier' }]);
  t.strictSame(admitted.quarantined(), []);
  t.match(admitted.problems(), [{ file: 'tiers', kind: 'Tier' }]);
});

/** What is in force follows from the events of each object alone; written as plainly as possible. */
function model(steps: readonly Step[]): string {
  const inForce = new Map<string, number | undefined>();
  const committed = new Map<string, number | undefined>();
  const refused = new Map<string, number>();
  for (const step of steps) {
    if (step.do === 'commit') {
      for (const [name, version] of inForce) committed.set(name, version);
      continue;
    }
    const { name } = step;
    if (step.do === 'valid') {
      if (refused.get(name) === step.version) continue;
      refused.delete(name);
      inForce.set(name, step.version);
    } else if (step.do === 'delete') {
      refused.delete(name);
      inForce.set(name, undefined);
    } else if (step.do === 'invalid') {
      refused.delete(name);
    } else if (step.do === 'refuse' && inForce.get(name) !== undefined) {
      const version = inForce.get(name);
      if (version !== undefined && !step.alreadyFaulty) refused.set(name, version);
      if (committed.get(name) === version) committed.set(name, undefined);
      inForce.set(name, committed.get(name));
    }
  }
  return [...inForce]
    .flatMap(([name, version]) => (version === undefined ? [] : [`${name}=${version}`]))
    .sort()
    .join(' ');
}

type Step =
  | { do: 'valid'; name: string; version: number }
  | { do: 'invalid' | 'delete'; name: string }
  | { do: 'refuse'; name: string; alreadyFaulty: boolean }
  | { do: 'commit' };

const names = fc.constantFrom('a', 'b', 'c');
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('valid' as const), name: names, version: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('invalid' as const, 'delete' as const), name: names }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('refuse' as const), name: names, alreadyFaulty: fc.constant(false) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  ),
  { maxLength: 40 },
);

/** Runs the steps; a refusal is always of what is in force now. */
function run(list: readonly Step[], restartAt = -1) {
  const c = calculation();
  const journal = new Map<string, JournalEntry>();
  let admitted = admission();
  const last = new Map<string, Step>();
  const noteAll = (): void => {
    for (const change of commit(admitted)) {
      if ('put' in change) journal.set(keyText(change.put.key), change.put);
      else journal.delete(keyText(change.drop));
    }
  };
  for (const [index, step] of list.entries()) {
    if (index === restartAt) {
      noteAll();
      admitted = admission();
      admitted.restore(Array.from(journal.values(), (one) => restored(one)));
      c.take(admitted.events([...last.values()].flatMap(eventsOf)));
      admitted.inSync();
      noteAll();
    }
    if (step.do === 'commit') noteAll();
    else if (step.do === 'refuse') {
      step.alreadyFaulty = admitted.quarantined().some(({ name }) => name === step.name);
      admitted.mark();
      c.take(admitted.refuse(key(step.name), refusal));
    } else {
      last.set(step.name, step);
      c.take(admitted.events(eventsOf(step)));
    }
  }
  noteAll();
  return {
    state: c.state(),
    quarantined: admitted.quarantined(),
    entries: admitted.journalEntries(),
    journal: [...journal.values()],
  };
}

function eventsOf(step: Step): SourceEvent[] {
  if (step.do === 'valid') return [valid(step.name, step.version)];
  if (step.do === 'invalid') return [invalid(step.name)];
  return step.do === 'delete' ? [gone(step.name)] : [];
}

function ofVersions(entries: readonly JournalEntry[]): string {
  return entries
    .map(({ resource }) => shown(resource))
    .sort()
    .join(' ');
}

t.test('any sequence ends as the model says, and the journal has what is in force', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(steps, (list) => {
        const result = run(list);
        const expected = model(list);
        if (result.state !== expected) throw new Error(`${result.state} instead of ${expected}`);
        if (ofVersions(result.journal) !== expected) throw new Error(`journal ${ofVersions(result.journal)}`);
        if (ofVersions(result.entries) !== expected) throw new Error(`compaction ${ofVersions(result.entries)}`);
      }),
      {
        numRuns: 2000,
        examples: [
          [
            [
              { do: 'valid', name: 'b', version: 2 },
              { do: 'commit' },
              { do: 'valid', name: 'b', version: 1 },
              { do: 'valid', name: 'b', version: 2 },
              { do: 'refuse', name: 'b', alreadyFaulty: false },
            ],
          ],
        ],
      },
    ),
  );
});

t.test('a restart in the middle ends in the same state', async (t) => {
  const withoutRefusals = steps.map((list) => list.filter((step) => step.do !== 'refuse'));
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(withoutRefusals, fc.nat(40), (list, at) => {
        const plain = run(list);
        const restarted = run(list, at);
        if (plain.state !== restarted.state) throw new Error(`${restarted.state} instead of ${plain.state}`);
        if (JSON.stringify(plain.quarantined) !== JSON.stringify(restarted.quarantined))
          throw new Error('quarantined differ');
      }),
      { numRuns: 1000 },
    ),
  );
});

t.test('the order of different objects does not matter', async (t) => {
  const objects = fc.array(
    fc.array(fc.constantFrom(1, 2, 3, 'invalid' as const, 'delete' as const), { maxLength: 5 }),
    { minLength: 2, maxLength: 4 },
  );
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(objects, fc.infiniteStream(fc.nat(100)), (lists, random) => {
        const queues = lists.map((list, index) => list.map((item): Step => stepOf(`o${index}`, item)));
        const straight = queues.flat();
        const mixed: Step[] = [];
        const left = queues.map((queue) => [...queue]);
        while (left.some((queue) => queue.length > 0)) {
          const open = left.filter((queue) => queue.length > 0);
          const step = open[(random.next().value ?? 0) % open.length]?.shift();
          if (step !== undefined) mixed.push(step);
        }
        const [one, other] = [run(straight), run(mixed)];
        if (one.state !== other.state) throw new Error(`${one.state} and ${other.state}`);
        if (JSON.stringify(one.quarantined) !== JSON.stringify(other.quarantined))
          throw new Error('quarantined differ');
      }),
    ),
  );
});

function stepOf(name: string, item: number | 'invalid' | 'delete'): Step {
  return typeof item === 'number' ? { do: 'valid', name, version: item } : { do: item, name };
}

function revive(written: unknown): Resource | undefined {
  const { parsed } = parseResource(written, { unknownFields: 'warning', defaults: 'none', checkSelector });
  return parsed.valid ? parsed.resource : undefined;
}

t.test('journal', async (t) => {
  const dir = join(t.testdir({}), 'state');
  const path = join(dir, 'objects.jsonl');
  const journal = objectJournal(dir, revive);
  t.strictSame(await journal.load(), { entries: [], problems: [] }, 'none yet');
  t.equal(await journal.append([]), undefined);
  t.notOk(existsSync(path));
  t.equal(await journal.append([{ put: entry('a', 1) }, { put: entry('b', 1) }]), undefined);
  // Not waited for: calls are carried out in their order.
  const [second] = await Promise.all([journal.append([{ put: entry('a', 2) }]), journal.append([{ drop: key('b') }])]);
  t.equal(second, undefined);
  t.strictSame(await loadedFrom(dir), { entries: [entry('a', 2)], problems: [] });
  for (const line of readFileSync(path, 'utf8').split('\n')) t.ok(line === '' || JSON.parse(line), 'JSON lines');

  appendFileSync(path, readFileSync(path, 'utf8').split('\n').at(-2)?.slice(0, 30) ?? '');
  const torn = objectJournal(dir, revive);
  t.strictSame((await torn.load()).problems, [], 'a torn last line is no problem');
  t.strictSame((await loadedFrom(dir)).entries, [entry('a', 2)]);
  await torn.append([{ put: entry('c', 3) }]);
  const after = await loadedFrom(dir);
  t.strictSame(
    after.entries.map(({ resource }) => resource),
    [tier('a', 2), tier('c', 3)],
  );
  t.match(after.problems, [{ code: 'corrupt', line: Number }]);

  t.equal(await torn.compact([entry('a', 2), entry('c', 3)]), undefined);
  t.equal(readFileSync(path, 'utf8').trim().split('\n').length, 2);
  t.strictSame(readdirSync(dir), ['objects.jsonl'], 'nothing is left over');
  t.strictSame(await loadedFrom(dir), { entries: [entry('a', 2), entry('c', 3)], problems: [] });
});

t.test('a damaged journal is told line by line', async (t) => {
  const dir = t.testdir({});
  const path = join(dir, 'objects.jsonl');
  const journal = objectJournal(dir, revive);
  await journal.append(['a', 'b', 'c', 'd', 'e'].map((name) => ({ put: entry(name, 100) })));
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  lines[0] = lines[0]?.replace('100', '200') ?? '';
  lines[1] = 'nonsense';
  lines[3] = `\u0000${lines[3]}`;
  writeFileSync(path, `${lines.join('\n')}\n`);
  const loaded = await loadedFrom(dir);
  t.strictSame(
    loaded.entries.map(({ resource }) => resource),
    [tier('c', 100), tier('e', 100)],
  );
  t.strictSame(
    loaded.problems.map(({ line, code }) => `${line} ${code}`),
    ['1 corrupt', '2 corrupt', '4 corrupt'],
  );
  t.match(loaded.problems[0]?.message, /objects\.jsonl:1: does not match its checksum/);

  let judged = 0;
  const strict = objectJournal(dir, () => {
    judged += 1;
    return undefined;
  });
  const { entries } = await strict.load();
  t.equal(judged, 0, 'not before it is needed');
  t.strictSame(
    entries.map(({ revived }) => revived() ?? revived()),
    [undefined, undefined],
  );
  t.equal(judged, 2, 'and once');
});

t.test('journal: when to compact', async (t) => {
  const dir = t.testdir({});
  const journal = objectJournal(dir, revive);
  await journal.load();
  for (let round = 0; round < 11; round += 1) {
    t.notOk(journal.needsCompaction());
    await journal.append(Array.from({ length: 100 }, () => ({ put: entry('a', round) })));
  }
  t.ok(journal.needsCompaction());
  await journal.compact([entry('a', 10)]);
  t.notOk(journal.needsCompaction());

  await journal.append([{ put: entry('b', 1) }]);
  const path = join(dir, 'objects.jsonl');
  renameSync(path, `${path}.away`);
  mkdirSync(path);
  t.match(await journal.append([{ put: entry('b', 2) }]), { code: 'EISDIR', message: /journal of last valid objects/ });
  t.ok(journal.needsCompaction(), 'what could not be appended is missing');
  t.match(await journal.compact([]), { code: 'EISDIR' });
  t.strictSame(readdirSync(dir).sort(), ['objects.jsonl', 'objects.jsonl.away'], 'nothing is left over');
  t.match((await loadedFrom(dir)).problems, [{ code: 'EISDIR' }]);
  t.match(await objectJournal('/dev/full/state', revive).append([{ put: entry('b', 2) }]), { code: 'ENOTDIR' });
});

t.test('restart with journal, over files', async (t) => {
  const set = (name: string, net: string): string =>
    `apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: ${name}}\nspec: {nets: [${net}]}\n`;
  const base = t.testdir({
    files: { 'a.yaml': set('a', '10.0.0.1'), 'b.yaml': `${set('b', '10.0.0.1')}---\n${set('c', '10.0.0.1')}` },
  });
  const files = join(base, 'files');

  async function live(
    during: (c: Map<string, string>, admitted: Admission, caughtUp: () => Promise<void>) => Promise<void>,
  ) {
    const journal = objectJournal(join(base, 'state'), revive);
    const admitted = admission();
    const nets = new Map<string, string>();
    const take = (changes: readonly Change[]): void => {
      for (const change of changes) {
        if ('remove' in change) nets.delete(change.remove.name);
        else if (change.upsert.kind === 'GlobalNetworkSet')
          nets.set(change.upsert.metadata.name, (change.upsert.spec.nets ?? []).join());
      }
    };
    admitted.restore((await journal.load()).entries);
    const source = fileSource(files, { reader: objectReader(checkSelector) });
    source.start({
      events: (events) => take(admitted.events(events)),
      inSync: () => admitted.inSync(),
      connection: () => undefined,
    });
    await source.catchUp();
    await during(nets, admitted, () => source.catchUp());
    await source.stop();
    t.equal(await journal.append(commit(admitted)), undefined);
  }

  await live(async (nets) => {
    t.equal(nets.size, 3);
  });
  writeFileSync(join(files, 'a.yaml'), set('a', 'nonsense'));
  writeFileSync(join(files, 'b.yaml'), `${set('b', '10.0.0.2')}---\n{`);
  for (const round of ['first', 'second']) {
    await live(async (nets, admitted) => {
      t.strictSame(Object.fromEntries(nets), { a: '10.0.0.1', b: '10.0.0.1', c: '10.0.0.1' }, `${round} restart`);
      t.strictSame(
        admitted.quarantined().map(({ name, inForce }) => `${name} ${inForce}`),
        ['a last valid', 'b last valid', 'c last valid'],
      );
    });
  }
  await live(async (nets, admitted, caughtUp) => {
    writeFileSync(join(files, 'b.yaml'), set('b', '10.0.0.2'));
    await caughtUp();
    t.strictSame(Object.fromEntries(nets), { a: '10.0.0.1', b: '10.0.0.2' });
    t.strictSame(
      admitted.quarantined().map(({ name }) => name),
      ['a'],
    );
  });
});

t.test('the committed ruleset', async (t) => {
  const dir = join(t.testdir({}), 'state');
  t.match(await readCommittedRuleset(dir), { ok: false, code: 'missing' });
  t.equal(await saveCommittedRuleset(dir, 'table inet margay {}\n'), undefined);
  t.match(await readCommittedRuleset(dir), { ok: true, text: 'table inet margay {}\n' });
  const verify = (): string =>
    execFileSync('sha256sum', ['-c', 'ruleset.nft.sha256'], { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
  t.equal(verify(), 'ruleset.nft: OK\n');
  t.equal(await saveCommittedRuleset(dir, 'table inet margay { chain x {} }\n'), undefined);
  t.match(await readCommittedRuleset(dir), { ok: true, text: /chain x/ });
  t.equal(verify(), 'ruleset.nft: OK\n');
  const names = readdirSync(dir).sort();
  t.equal(names.length, 4, `the old version is gone: ${names}`);
  t.equal(await saveCommittedRuleset(dir, 'table inet margay { chain x {} }\n'), undefined);
  t.strictSame(readdirSync(dir).sort(), names);

  appendFileSync(join(dir, 'ruleset.nft'), 'delete table inet margay\n');
  t.match(await readCommittedRuleset(dir), { ok: false, code: 'mismatch' });
  t.throws(verify);
  t.equal(await saveCommittedRuleset(dir, 'table inet margay { chain x {} }\n'), undefined, 'heals');
  t.equal(verify(), 'ruleset.nft: OK\n');

  // What a crash may leave behind: a version that was never made the current one.
  mkdirSync(join(dir, 'ruleset.0123456789abcdef'));
  writeFileSync(join(dir, 'ruleset.0123456789abcdef/ruleset.nft'), 'half');
  t.equal(verify(), 'ruleset.nft: OK\n');
  t.equal(await saveCommittedRuleset(dir, ''), undefined);
  t.equal(readdirSync(dir).length, 4);
  t.equal(verify(), 'ruleset.nft: OK\n');

  t.equal(await removeCommittedRuleset(dir), undefined);
  t.strictSame(readdirSync(dir), []);
  t.equal(await removeCommittedRuleset(join(dir, 'none')), undefined);
  t.match(await saveCommittedRuleset('/dev/full/state', ''), { code: 'ENOTDIR', message: /saved ruleset/ });
});

t.test('plain files of an earlier kind are replaced', async (t) => {
  const dir = t.testdir({ 'ruleset.nft': 'old', 'ruleset.nft.sha256': 'old' });
  t.equal(await saveCommittedRuleset(dir, 'new'), undefined);
  t.match(await readCommittedRuleset(dir), { ok: true, text: 'new' });
});
