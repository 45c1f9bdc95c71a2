import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { type LabelIndex, type Labels, labelIndex } from '../../src/policy/label-index.js';
import { type Contribution, memberIndex } from '../../src/policy/member-index.js';
import type { SelectorSet } from '../../src/policy/resolve-rule.js';
import { labelRestrictions } from '../../src/selector/label-restrictions.js';
import { matches } from '../../src/selector/matches.js';
import { parseSelector } from '../../src/selector/parse-selector.js';
import { all, and, compare, equals, has, isIn, member, not, or, type Selector } from '../../src/selector/selector.js';
import { oneFromYaml } from './from-yaml.js';

const label = fc.constantFrom('a', 'b', 'c');
const value = fc.constantFrom('1', '2', '12');

/** Selectors of few labels and values, so that they often match. */
const { selector } = fc.letrec<{ selector: Selector; group: Selector }>((tie) => ({
  group: fc
    .tuple(fc.boolean(), fc.array(tie('selector'), { minLength: 2, maxLength: 3 }))
    .map(([isAnd, [first = all(), ...more]]) => (isAnd ? and(first, ...more) : or(first, ...more))),
  selector: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constant(all()),
    label.map(has),
    fc.tuple(label, value).map(([name, text]) => equals(name, text)),
    fc
      .tuple(fc.constantFrom('!=', 'contains', 'starts with', 'ends with'), label, value)
      .map(([kind, name, text]) => compare(kind as '!=', name, text)),
    fc.tuple(label, fc.array(value, { maxLength: 2 })).map(([name, values]) => isIn(name, values)),
    fc.tuple(label, fc.array(value, { maxLength: 2 })).map(([name, values]) => member('not in', name, values)),
    tie('selector').map(not),
    tie('group'),
  ),
}));

const labels = fc.dictionary(label, value, { maxKeys: 3, noNullPrototype: true });
const parents = fc.array(fc.constantFrom('p1', 'p2'), { maxLength: 3 });
const id = fc.constantFrom('x', 'y', 'z');

type Step = (
  index: Pick<LabelIndex, 'setItem' | 'removeItem' | 'setParent' | 'setSelector' | 'removeSelector'>,
) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(id, labels, parents).map(
    ([name, own, from]): Step =>
      (index) =>
        index.setItem(name, own, from),
  ),
  id.map(
    (name): Step =>
      (index) =>
        index.removeItem(name),
  ),
  fc.tuple(fc.constantFrom('p1', 'p2'), fc.option(labels, { nil: undefined })).map(
    ([name, passed]): Step =>
      (index) =>
        index.setParent(name, passed),
  ),
  fc.tuple(id, selector).map(
    ([name, one]): Step =>
      (index) =>
        index.setSelector(name, one),
  ),
  id.map(
    (name): Step =>
      (index) =>
        index.removeSelector(name),
  ),
);

/** Tries everything with everything, from scratch. */
function reference() {
  const items = new Map<string, { own: Labels; from: readonly string[] }>();
  const passed = new Map<string, Labels>();
  const selectors = new Map<string, Selector>();
  const labelOf = (own: Labels, from: readonly string[], name: string) =>
    [own, ...from.map((parent) => passed.get(parent) ?? {})].find((one) => Object.hasOwn(one, name))?.[name];
  return {
    setItem: (name: string, own: Labels, from: readonly string[]) => void items.set(name, { own, from }),
    removeItem: (name: string) => void items.delete(name),
    setParent: (name: string, own: Labels | undefined) => void (own ? passed.set(name, own) : passed.delete(name)),
    setSelector: (name: string, one: Selector) => void selectors.set(name, one),
    removeSelector: (name: string) => void selectors.delete(name),
    pairs: () =>
      [...items].flatMap(([item, { own, from }]) =>
        [...selectors]
          .filter(([, one]) => matches(one, { get: (name) => labelOf(own, from, name) }))
          .map(([name]) => `${name} selects ${item}`),
      ),
  };
}

t.test('the index says what trying everything says, after each change', async (t) => {
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const told = new Set<string>();
    const index = labelIndex((name, item, selected) => {
      const pair = `${name} selects ${item}`;
      assert.equal(told.has(pair), !selected, `${pair} is told twice`);
      if (selected) told.add(pair);
      else told.delete(pair);
    });
    const naive = reference();
    for (const apply of steps) {
      apply(index);
      apply(naive);
      const expected = naive.pairs().sort();
      assert.deepEqual([...told].sort(), expected);
      const asked = ['x', 'y', 'z'].flatMap((item) =>
        [...index.selectorsOf(item)].map((name) => `${name} selects ${item}`),
      );
      assert.deepEqual(asked.sort(), expected);
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test('what a selector demands of labels, everything that it matches has', async (t) => {
  const property = fc.property(selector, labels, (one, own) => {
    if (!matches(one, { get: (name) => own[name] })) return;
    for (const [name, { values }] of labelRestrictions(one)) {
      assert.ok(name in own);
      if (values) assert.ok(values.includes(own[name] ?? ''));
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

function definition(text: string, port?: SelectorSet['port']): SelectorSet {
  const result = parseSelector(text);
  if (!result.ok) throw new Error(result.message);
  const common = {
    id: `${text} ${port?.name ?? ''} ${port?.protocol ?? ''}`,
    description: text,
    selector: result.selector,
  };
  return port ? { ...common, kind: 'ip,port', port } : { ...common, kind: 'net' };
}

const brings = (nets: readonly string[], ports: Contribution['ports'] = []): Contribution => ({ nets, ports });
const shown = (members: Iterable<string> | undefined) => [...(members ?? [])].sort();

t.test('members of sets', async (t) => {
  const index = memberIndex();
  const inside = definition("zone == 'inside'");
  index.retain(inside);
  const set = index.sets.get(inside.id);
  const has = () => shown(set?.members);
  index.setItem('s1', { zone: 'inside' }, [], brings(['10.0.0.0/8', '10.1.0.0/16']));
  index.setItem('s2', { zone: 'inside' }, [], brings(['10.1.0.0/16', '10.1.0.0/16']));
  index.setItem('s3', { zone: 'outside' }, [], brings(['192.0.2.0/24']));
  t.strictSame(has(), ['10.0.0.0/8', '10.1.0.0/16'], 'overlaps are kept, equal ones are one');
  t.equal(set?.members.size, 2);
  t.ok(set?.members.has('10.1.0.0/16'));
  index.setItem('s1', { zone: 'inside' }, [], brings([]));
  t.strictSame(has(), ['10.1.0.0/16'], 'one that another item brings too stays');
  index.setItem('s2', { zone: 'inside' }, [], brings(['10.1.0.0/16']));
  t.strictSame(has(), ['10.1.0.0/16']);
  index.setItem('s3', { zone: 'inside' }, [], brings(['198.51.100.0/24']));
  t.strictSame(has(), ['10.1.0.0/16', '198.51.100.0/24'], 'labels and nets change at once');
  index.setItem('s3', { zone: 'outside' }, [], brings(['203.0.113.0/24']));
  index.removeItem('s2');
  t.strictSame(has(), []);
  index.setItem('s4', {}, ['p'], brings(['10.4.0.0/16']));
  index.setParent('p', { zone: 'inside' });
  t.strictSame(has(), ['10.4.0.0/16'], 'labels of a parent');
  index.setParent('p', undefined);
  t.strictSame(has(), []);
  t.equal(index.sets.get(inside.id), set, 'always the same object');
});

t.test('two pods with one address: it stays until both have gone', async (t) => {
  const index = memberIndex();
  const pods = definition('has(pod)');
  index.retain(pods);
  index.setItem('old', { pod: 'a' }, [], brings(['10.0.0.1/32']));
  const set = index.sets.get(pods.id);
  const before = set?.version;
  index.setItem('new', { pod: 'b' }, [], brings(['10.0.0.1/32']));
  index.removeItem('old');
  t.strictSame(shown(set?.members), ['10.0.0.1/32']);
  t.equal(set?.version, before, 'nothing has changed');
  index.removeItem('new');
  t.strictSame(shown(set?.members), []);
  t.not(set?.version, before);
});

t.test('sets exist as long as somebody uses them', async (t) => {
  const index = memberIndex();
  const everything = definition('all()');
  index.setItem('s', {}, [], brings(['10.0.0.0/8']));
  index.retain(everything);
  index.retain(everything);
  t.strictSame(shown(index.sets.get(everything.id)?.members), ['10.0.0.0/8'], 'items of before');
  index.release(everything.id);
  t.ok(index.sets.has(everything.id));
  index.release(everything.id);
  t.notOk(index.sets.has(everything.id));
  index.release(everything.id);
  index.retain(everything);
  t.strictSame(shown(index.sets.get(everything.id)?.members), ['10.0.0.0/8'], 'again');
});

t.test('named ports', async (t) => {
  const index = memberIndex();
  const tcp = definition('all()', { name: 'dns', protocol: 6 });
  const any = definition('all()', { name: 'dns', protocol: undefined });
  index.retain(tcp);
  index.retain(any);
  index.setItem(
    'e',
    {},
    [],
    brings(
      ['10.0.0.1/32', 'fd00::1/128'],
      [
        { name: 'dns', protocol: 6, port: 53 },
        { name: 'dns', protocol: 17, port: 5353 },
        { name: 'http', protocol: 6, port: 80 },
      ],
    ),
  );
  index.setItem('s', {}, [], brings(['10.0.0.0/8']));
  t.strictSame(shown(index.sets.get(tcp.id)?.members), ['10.0.0.1,6:53', 'fd00::1,6:53']);
  t.strictSame(shown(index.sets.get(any.id)?.members), [
    '10.0.0.1,17:5353',
    '10.0.0.1,6:53',
    'fd00::1,17:5353',
    'fd00::1,6:53',
  ]);
});

t.test('services', async (t) => {
  const index = memberIndex();
  const ports = { id: 'ports', kind: 'ip,port', description: '', service: 'prod/db' } as const;
  const addresses = { id: 'addresses', kind: 'net', description: '', service: 'prod/db' } as const;
  const slice = (name: string, spec: string, namespace = 'prod') =>
    index.setSlice(
      `${namespace}/${name}`,
      oneFromYaml('EndpointSlice', `metadata: {namespace: ${namespace}, name: ${name}}\nspec: {${spec}}`, 'none'),
    );
  const has = () => [ports, addresses].map(({ id }) => shown(index.sets.get(id)?.members));

  slice('db-1', 'service: db, addresses: [10.0.0.1, "FD00::1"], ports: [{port: 5432}, {protocol: UDP, port: 53}]');
  index.retain(ports);
  index.retain(addresses);
  t.strictSame(
    has(),
    [
      ['10.0.0.1,17:53', '10.0.0.1,6:5432', 'fd00::1,17:53', 'fd00::1,6:5432'],
      ['10.0.0.1/32', 'fd00::1/128'],
    ],
    'slices of before, for each family',
  );
  const version = () => [ports, addresses].map(({ id }) => index.sets.get(id)?.version ?? -1);
  const before = version();
  slice('other', 'service: web, addresses: [10.0.0.9], ports: [{port: 80}]');
  slice('db', 'service: db, addresses: [10.0.0.9], ports: [{port: 80}]', 'test');
  slice('none', 'addresses: [10.0.0.9], ports: [{port: 80}]');
  t.strictSame(version(), before, 'what is not of the service changes nothing');

  slice('db-2', 'service: db, addresses: [10.0.0.1, 10.0.0.2], ports: [{port: 5432}]');
  slice('db-1', 'service: db, addresses: [10.0.0.1, 10.0.0.1], ports: [{port: 5432}]');
  t.strictSame(has(), [
    ['10.0.0.1,6:5432', '10.0.0.2,6:5432'],
    ['10.0.0.1/32', '10.0.0.2/32'],
  ]);
  const both = version();
  index.removeSlice('prod/db-1');
  t.strictSame(version(), both, 'what another slice has too stays');
  slice('db-2', 'service: web, addresses: [10.0.0.1], ports: [{port: 5432}]');
  t.strictSame(has(), [[], []], 'the slice of another service now');
  slice('db-2', 'service: db, addresses: [10.0.0.3], ports: []');
  t.strictSame(has(), [[], ['10.0.0.3/32']], 'no ports, no members with ports');
  const set = index.sets.get('addresses');
  index.removeSlice('prod/db-2');
  index.removeSlice('prod/db-2');
  t.strictSame(has(), [[], []]);
  slice('db-3', 'service: db, addresses: [10.0.0.4], ports: [{port: 1}]');
  t.strictSame(has(), [['10.0.0.4,6:1'], ['10.0.0.4/32']], 'slices that come later');
  t.equal(index.sets.get('addresses'), set, 'always the same object');

  index.release('ports');
  t.notOk(index.sets.has('ports'));
  slice('db-3', 'service: db, addresses: [10.0.0.5], ports: [{port: 1}]');
  index.retain(ports);
  t.strictSame(has(), [['10.0.0.5,6:1'], ['10.0.0.5/32']], 'again');
});

t.test('what is of no use in a slice is left out of it', async (t) => {
  const index = memberIndex();
  const ports = { id: 'ports', kind: 'ip,port', description: '', service: 'prod/db' } as const;
  index.retain(ports);
  index.setSlice('x', {
    apiVersion: 'projectcalico.org/v3',
    kind: 'EndpointSlice',
    metadata: { namespace: 'prod', name: 'x' },
    spec: {
      service: 'db',
      addresses: ['db.example.org', '10.0.0.1', '10.0.0.2/24', '::ffff:10.0.0.3'],
      ports: [
        { protocol: 'ICMP', port: 1 },
        { protocol: 'QUIC', port: 2 },
        { port: 0 },
        { port: 65536 },
        {},
        { protocol: 'SCTP', port: 3 },
      ],
    },
  });
  t.strictSame(shown(index.sets.get('ports')?.members), ['10.0.0.1,132:3', '10.0.0.3,132:3']);
});
