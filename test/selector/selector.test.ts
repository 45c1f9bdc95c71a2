import assert from 'node:assert/strict';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { canonicalText } from '../../src/selector/canonical-text.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { compareBytes } from '../../src/selector/compare-bytes.js';
import { labelRestrictions } from '../../src/selector/label-restrictions.js';
import { matches } from '../../src/selector/matches.js';
import { parseSelector } from '../../src/selector/parse-selector.js';
import { prefixLabels, replaceAll, replaceGlobal } from '../../src/selector/rewrite-selector.js';
import {
  all,
  and,
  compare,
  equals,
  global,
  group,
  has,
  isIn,
  member,
  not,
  or,
  type Selector,
} from '../../src/selector/selector.js';
import { selectorId, uniqueId } from '../../src/selector/unique-id.js';

function parse(text: string): Selector {
  const parsed = parseSelector(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message} at ${parsed.position}`);
  return parsed.selector;
}

const canonical = (text: string) => canonicalText(parse(text));
const labels = (object: Record<string, string>) => new Map(Object.entries(object));
const times = (count: number, text: string) => text.repeat(count);

t.test('what is no selector is refused, with the place', async (t) => {
  const refused: Record<string, number> = {
    'b == b': 5,
    'b contains b': 11,
    "'b1' == b": 0,
    b: 1,
    'a b': 2,
    '!': 1,
    'foo == "bar" &': 13,
    'foo == "bar" |': 13,
    'foo != ||': 7,
    'foo in {"", ||': 12,
    'foo in ""': 7,
    '"FOO': 0,
    '"FOO\'': 0,
    '(': 1,
    '(a == "foo"': 11,
    ')': 0,
    '()': 1,
    '%': 0,
    'a == "b" && %': 12,
    'a ': 2,
    'has(foo) &&': 11,
    'has (a)': 4,
    'a = "b"': 2,
    all: 3,
    'a in {"b" "c"}': 10,
    'a in {,}': 6,
    'a in {"b",,}': 10,
    'a in {"b"': 9,
    'a notin "b"': 8,
    'a containsx "b"': 2,
    'a starts "b"': 2,
    'a not "b"': 2,
    'a not in b': 9,
    'a has(b)': 2,
    'has("a")': 0,
    'has()': 0,
    'has(a b)': 0,
    'has(a)has(b)': 6,
    'has(a) has(b)': 7,
    'all(a)': 0,
    'all() all()': 6,
    'global (': 7,
    'a == "b" == "c"': 9,
    'a == "b")': 8,
    'a ! = "b"': 4,
    '!== "b"': 2,
    'a\n== "b"': 1,
    'a ==\r"b"': 4,
    'all()\n': 5,
    'has(\na)': 0,
    'a not\nin {"b"}': 2,
    'ä == "b"': 0,
    'a == "b" & & c == "d"': 9,
    '\u00a0all()': 0,
    'a != b"': 6,
  };
  for (const [text, position] of Object.entries(refused)) {
    t.match(parseSelector(text), { ok: false, message: /\S/, position }, JSON.stringify(text));
  }
});

t.test('what is a selector is accepted', async (t) => {
  const accepted: Record<string, string> = {
    '': 'all()',
    ' \t': 'all()',
    'a in {"\'", \'"\', "c"}': 'a in {\'"\', "\'", "c"}',
    'a in {}': 'a in {}',
    'a in { "a" , }': 'a in {"a"}',
    '!!! has(a)': '!has(a)',
    '! !!has(a)': '!has(a)',
    '!!has(a)': 'has(a)',
    'has( b)': 'has(b)',
    'has(\tb )': 'has(b)',
    "a startswith '\"'": "a starts with '\"'",
    'a endswith "x"': 'a ends with "x"',
    "a!='\"'": "a != '\"'",
    'a=="b"': 'a == "b"',
    ' (all() )': 'all()',
    'all( )': 'all()',
    'global(\t)': 'global()',
    'a notin{"b"}': 'a not in {"b"}',
    'a not \t in{"b"}': 'a not in {"b"}',
    'a contains"x"': 'a contains "x"',
    'in in {"a"}': 'in in {"a"}',
    'contains == "x"': 'contains == "x"',
    'not not in {"a"}': 'not not in {"a"}',
    'has == "x"': 'has == "x"',
    'all != "x"': 'all != "x"',
    'has(not)': 'has(not)',
    'haso == "x"': 'haso == "x"',
    '-/._9 == ""': '-/._9 == ""',
    'a == "line\nbreak"': 'a == "line\nbreak"',
    'a == "ü😀"': 'a == "ü😀"',
    'a == "all() && has(b)"': 'a == "all() && has(b)"',
    '((((has(a)))))': 'has(a)',
    'a in {"b", "a", "b"}': 'a in {"a", "b"}',
    'a in {"😀", "\uffff", "z"}': 'a in {"z", "\uffff", "😀"}',
    'has(a) && has(b) || has(c)': '((has(a) && has(b)) || has(c))',
    'has(a) || has(b) && has(c)': '(has(a) || (has(b) && has(c)))',
    'has(a) && has(b) && has(c)': '(has(a) && has(b) && has(c))',
    '(has(a) && has(b)) && has(c)': '((has(a) && has(b)) && has(c))',
    '!a == "x" && b == "y"': '(!a == "x" && b == "y")',
    '!(a == "x" || b == "y")': '!(a == "x" || b == "y")',
    '!(!has(a))': '!!has(a)',
  };
  for (const [text, expected] of Object.entries(accepted)) t.equal(canonical(text), expected, JSON.stringify(text));
});

t.test('limits', async (t) => {
  t.equal(checkSelector(`${times(512, 'a')} == "x"`), undefined);
  t.match(checkSelector(`${times(513, 'a')} == "x"`), /512 bytes, this one has 513 \(at character 1\)/);
  t.match(checkSelector(`has(${times(513, 'a')})`), /512 bytes/);
  t.equal(checkSelector(`${times(500, '(')}has(a)${times(500, ')')}`), undefined, 'deep parentheses');
  const deep = parse(`${times(500, '!(has(b) || ')}has(a)${times(500, ')')}`);
  t.equal(matches(deep, labels({ a: '' })), true);
  t.equal(parse(canonicalText(parse(`${times(100_000, '!')}has(a)`))).kind, 'has', 'many negations');
  t.match(checkSelector(times(100_000, '(')), /nested more than 500 deep \(at character 501\)/);
  t.equal(checkSelector(`${times(100_000, 'has(a)||')}has(a)`), undefined, 'long chain');
  t.match(checkSelector(`a ${times(100_000, ' not\t')}`), /operator/, 'no quadratic search');
});

t.test('messages', async (t) => {
  t.equal(checkSelector('has(a)'), undefined);
  t.equal(checkSelector('a = "b"'), 'a single = is no operator, write == (at character 3)');
  t.equal(checkSelector('a == b'), 'expected a string in quotes after ==, found label b (at character 6)');
  t.equal(checkSelector('a in "b"'), 'expected a set like {"a", "b"} after in, found string "b" (at character 6)');
  t.equal(checkSelector('(a == "b"'), 'expected &&, || or ), found the end (at character 10)');
  t.equal(checkSelector('()'), 'expected a label, has(), all(), global(), ! or (, found ) (at character 2)');
  t.equal(checkSelector('a == "b" has(c)'), 'expected &&, || or the end, found has(c) (at character 10)');
  t.equal(checkSelector('all() global()'), 'expected &&, || or the end, found global() (at character 7)');
  t.equal(checkSelector('a == "b'), 'the string that starts here has no closing " (at character 6)');
  t.equal(checkSelector('😀'), 'unexpected character "😀" (at character 1)');
});

t.test('ids are those of Calico', async (t) => {
  const vectors: Record<string, string> = {
    '': 's:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug',
    'all()': 's:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug',
    'a == "b"': 's:flMh0m0X_BowkAK_W3j3MgH8oQOsj3WxGDoXCQ',
    '!(has(b)||!has(a))': 's:Iss0uCleLYv1GSv_pNm7hAO58kE9jAx1NKyG3Q',
    "! (a=='b' && !c!='d')": 's:lh3haoY1ikTRkd4UZu0nWSaIBknYLPJLX16d-w',
  };
  for (const [text, id] of Object.entries(vectors)) t.equal(selectorId(parse(text)), id, text);
  t.equal(uniqueId('s', 'all()'), vectors['all()']);
  t.not(uniqueId('n', 'all()').slice(2), uniqueId('s', 'all()').slice(2), 'the prefix is hashed too');
});

t.test('evaluation', async (t) => {
  const endpoint = labels({ a: 'x', empty: '', long: 'foobar', emoji: 'a😀b' });
  const expected: Record<string, boolean> = {
    'a == "x"': true,
    'a == "X"': false,
    'empty == ""': true,
    'b == ""': false,
    'a != "x"': false,
    'a != "y"': true,
    'b != "x"': true,
    'a in {"w", "x"}': true,
    'a in {"w"}': false,
    'a in {}': false,
    'b in {""}': false,
    'a not in {"x"}': false,
    'a not in {"w"}': true,
    'a not in {}': true,
    'b not in {"x"}': true,
    'b not in {}': true,
    'long contains "oob"': true,
    'long contains ""': true,
    'long contains "x"': false,
    'b contains ""': false,
    'long starts with "foo"': true,
    'long starts with "bar"': false,
    'b starts with ""': false,
    'long ends with "bar"': true,
    'long ends with "foo"': false,
    'b ends with ""': false,
    'emoji contains "😀"': true,
    'has(a)': true,
    'has(empty)': true,
    'has(b)': false,
    'all()': true,
    'global()': true,
    '!all()': false,
    '!has(b)': true,
    'has(a) && has(b)': false,
    'has(a) && has(empty)': true,
    'has(a) || has(b)': true,
    'has(b) || has(c)': false,
    '!has(b) && has(c)': false,
    '!(has(b) && has(c))': true,
    'has(a) || has(b) && has(c)': true,
    '(has(a) || has(b)) && has(c)': false,
    'toString == "x" || has(constructor)': false,
  };
  for (const [text, is] of Object.entries(expected)) t.equal(matches(parse(text), endpoint), is, text);
});

t.test('combining and rewriting print as Calico has it', async (t) => {
  const own = equals('projectcalico.org/namespace', 'N');
  t.equal(canonicalText(and(parse('a == "x"'), own)), canonical(`(a == "x") && projectcalico.org/namespace == 'N'`));
  t.equal(
    canonicalText(and(parse('has(a) && has(b)'), own)),
    canonical(`(has(a) && has(b)) && projectcalico.org/namespace == 'N'`),
  );
  const [ns, sa, s, x] = ['has(n)', 'has(m)', 'has(a) || has(b)', 'c == "d"'];
  t.equal(
    canonicalText(and(and(parse(ns), and(parse(sa), parse(s))), not(parse(x)))),
    canonical(`((${ns}) && ((${sa}) && (${s}))) && (!(${x}))`),
  );
  t.equal(and(), all());
  t.equal(and(own), own);
  t.equal(or(own), own);
  t.equal(canonicalText(or(own, has('a'))), '(projectcalico.org/namespace == "N" || has(a))');
  t.equal(canonicalText(isIn('a', ['c', 'b', 'c'])), 'a in {"b", "c"}');

  const every = 'has(a) && b == "c" || !(!(d in {"e"} && f not in {})) && g contains "h" && all() && global()';
  t.equal(
    canonicalText(prefixLabels(parse(every), 'pcns.')),
    '((has(pcns.a) && pcns.b == "c") || ((pcns.d in {"e"} && pcns.f not in {}) && pcns.g contains "h" && all() && global()))',
  );
  t.equal(canonicalText(prefixLabels(parse('!(!(!has(a)))'), 'p.')), '!has(p.a)');
  const inNamespace = has('projectcalico.org/namespace');
  t.equal(
    canonicalText(replaceAll(parse('!all() || a == "all()" || global()'), inNamespace)),
    '(!has(projectcalico.org/namespace) || a == "all()" || global())',
  );
  t.equal(
    canonicalText(replaceGlobal(parse('global() || all()'), not(inNamespace))),
    `(!${canonicalText(inNamespace)} || all())`,
  );
  t.equal(canonicalText(replaceAll(parse(''), inNamespace)), 'has(projectcalico.org/namespace)');
});

t.test('restrictions', async (t) => {
  const present = { mustBePresent: true };
  const expected: Record<string, object> = {
    'all()': {},
    '!has(a)': {},
    'a != "x"': {},
    'a not in {"x"}': {},
    'has(a)': { a: present },
    'a starts with "x"': { a: present },
    'a == "x"': { a: { ...present, values: ['x'] } },
    'a in {"x", "y"} && has(a) && has(b)': { a: { ...present, values: ['x', 'y'] }, b: present },
    'a in {"x", "y"} && a in {"y", "z"}': { a: { ...present, values: ['y'] } },
    'a == "x" && a == "y"': { a: { ...present, values: [] } },
    'a == "x" || a in {"x", "y"} && has(b)': { a: { ...present, values: ['x', 'y'] } },
    'a == "x" || has(a)': { a: present },
    'a == "x" || b == "x"': {},
    'a == "x" || all()': {},
  };
  for (const [text, restrictions] of Object.entries(expected)) {
    t.same(Object.fromEntries(labelRestrictions(parse(text))), restrictions, text);
  }
});

const label = fc.constantFrom('a', 'b', 'in', 'not', 'has', 'all', 'contains', 'x.y/z-_');
const value = fc
  .oneof(fc.constantFrom('', 'x', 'xy', 'y', 'all()', '"', "'", '😀', '\uffff'), fc.string({ unit: 'grapheme' }))
  .filter((text) => !(text.includes('"') && text.includes("'")));
/** As the parser makes them: a run of negations is never nested, except with parentheses, which print the same. */
const { selector } = fc.letrec<{ selector: Selector; leaf: Selector }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(all(), global()),
    label.map(has),
    fc
      .tuple(fc.constantFrom('==', '!=', 'contains', 'starts with', 'ends with'), label, value)
      .map((of) => compare(...of)),
    fc.tuple(fc.constantFrom('in', 'not in'), label, fc.array(value, { maxLength: 4 })).map((of) => member(...of)),
  ),
  selector: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    tie('leaf'),
    tie('selector').map((operand) => (operand.kind === '!' ? operand : not(operand))),
    fc
      .tuple(fc.constantFrom('&&', '||'), fc.array(tie('selector'), { minLength: 2, maxLength: 4 }))
      .map((of) => group(...of)),
  ),
}));
const endpoint = fc
  .array(fc.tuple(label, value), { maxLength: 5 })
  .map((entries): ReadonlyMap<string, string> => new Map(entries));

/** One assertion for a property, with the shrunk counterexample when it fails. */
function holds<Ts>(t: Test, property: fc.IProperty<Ts>, parameters: fc.Parameters<Ts>): void {
  t.doesNotThrow(() => fc.assert(property, parameters));
}

t.test('the canonical text parses to the same selector', async (t) => {
  holds(
    t,
    fc.property(selector, (made) => {
      assert.deepEqual(parse(canonicalText(made)), made);
    }),
    { numRuns: 500 },
  );
});

t.test('what matches has what the restrictions demand', async (t) => {
  holds(
    t,
    fc.property(selector, endpoint, (made, has) => {
      if (!matches(made, has)) return;
      for (const [label, { values }] of labelRestrictions(made)) {
        const actual = has.get(label);
        if (actual === undefined || (values && !values.includes(actual)))
          throw new Error(`${canonicalText(made)}: ${label}`);
      }
    }),
    { numRuns: 3000 },
  );
});

t.test('negating twice, prefixing labels on both sides, and replacing by itself change no result', async (t) => {
  holds(
    t,
    fc.property(selector, endpoint, (made, has) => {
      const result = matches(made, has);
      const prefixed = new Map([...has].map(([label, value]) => [`p.${label}`, value]));
      assert.equal(matches(not(not(made)), has), result);
      assert.equal(matches(prefixLabels(made, 'p.'), prefixed), result);
      assert.equal(canonicalText(replaceGlobal(replaceAll(made, all()), global())), canonicalText(made));
    }),
    { numRuns: 300 },
  );
});

t.test('no text makes it throw, and what it accepts means the same when printed', async () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'in',
      ' ',
      '\t',
      '\n',
      '==',
      '!=',
      '=',
      '!',
      '&&',
      '||',
      '&',
      '(',
      ')',
      '{',
      '}',
      ',',
      '"x"',
      "'y'",
      '"',
      "'",
    ],
    ...[
      'has(',
      'has(a)',
      'all()',
      'global()',
      'not',
      'contains',
      'starts',
      'with',
      'ends',
      'é',
      'a=="x"',
      'b in {"y"}',
    ],
  );
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((all) => all.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, endpoint, (source, has) => {
      const parsed = parseSelector(source);
      if (parsed.ok) {
        const again = parse(canonicalText(parsed.selector));
        assert.equal(matches(again, has), matches(parsed.selector, has));
      } else if (parsed.position < 0 || parsed.position > source.length || parsed.message === '') {
        throw new Error(`${JSON.stringify(source)}: ${parsed.position}`);
      }
    }),
    { numRuns: 5000 },
  );
});

t.test('byte order is that of UTF-8', async () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 2000 },
  );
});

t.test('selectors are frozen', async (t) => {
  const parsed = parse('has(a) && b in {"c"}');
  t.ok(Object.isFrozen(parsed) && 'operands' in parsed && Object.isFrozen(parsed.operands));
  t.throws(() => Object.assign(has('a'), { label: 'b' }), TypeError);
});
