import { sortedValues } from './canonical-value.js';
import type { Change, ElementChange } from './change.js';
import { NftError, type Script } from './driver.js';
import type { Chain, NamedSet, Origin, Rule, Table, Value, VerdictMap } from './objects.js';
import { mapElementsSyntax, ruleSyntax, valueSyntax } from './print-rule.js';
import { commentText, isNftName, objectName } from './safe-text.js';
import { withOrigin } from './with-origin.js';

/**
 * Together with `print-rule.ts` the only place that makes nft syntax. Scripts load with nft 1.0.6 and newer; the same objects give the same bytes. Everything
 * that is printed was checked: names by the naming rule, values by the type of their expression, text from outside by quoting.
 */

/** Elements in a line: nft keeps each line's in memory until the kernel has them. */
const ELEMENTS_PER_LINE = 5000;

interface Line {
  readonly text: string;
  readonly origin?: Origin | undefined;
}

/**
 * The full state as one script that replaces the table, whatever is there, in one transaction. Throws NftError `invalid` with
 * the origin of the object that can't be printed.
 */
export function printTable(table: Table): Script {
  return printTransaction([{ table: table.name, op: 'replace', object: 'table', content: table }]);
}

/** The text of `printTable` in pieces of some 100 kB, of which each is made when it is asked for. Throws like `printTable`. */
export function* tableText(table: Table): Generator<string> {
  let piece = '';
  for (const { text } of tableLines(table)) {
    piece += `${text}\n`;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

const PIECE = 65_536;

/** Changes, in this order, as the script of one transaction. Throws like `printTable`. */
export function printTransaction(changes: readonly Change[]): Script {
  const lines = changes.flatMap((change) => [...changeLines(change)]);
  return {
    text: lines.map(({ text }) => `${text}\n`).join(''),
    origins: lines.map(({ origin }) => origin),
    changes,
  };
}

function changeLines(change: Change): Iterable<Line> {
  const table = `inet ${objectName(change.table)}`;
  switch (change.object) {
    case 'table':
      return change.op === 'replace' ? tableLines(change.content) : removalLines(table);
    case 'chain':
      if (change.op === 'add') return [addChain(table, change.chain)];
      return [plain(`${change.op} chain ${table} ${foreignName(change.name)}`)];
    case 'rule':
      return [addRule(table, change.chain, change.rule)];
    case 'set':
    case 'map':
      return [setLine(table, change)];
    case 'setElement':
    case 'mapElement':
    case 'element':
      return elementLines(table, change);
    default:
      return [plain(`delete ${change.object} ${table} ${foreignName(change.name)}`)];
  }
}

function plain(text: string): Line {
  return { text };
}

/** `delete` alone fails if there is no table, and `destroy` is newer than nft 1.0.6. */
function removalLines(table: string): readonly Line[] {
  return [plain(`table ${table}`), plain(`delete table ${table}`)];
}

function addChain(table: string, chain: Chain): Line {
  return plain(`add chain ${table} ${objectName(chain.name)}${inlineBlock(chainHeader(chain))}`);
}

function inlineBlock(lines: readonly string[]): string {
  return lines.length === 0 ? '' : ` { ${lines.map((line) => (line.endsWith(';') ? line : `${line};`)).join(' ')} }`;
}

function addRule(table: string, chain: string, rule: Rule): Line {
  return { text: `add rule ${table} ${objectName(chain)} ${ruleSyntax(rule)}`, origin: rule.origin };
}

function setLine(table: string, change: Extract<Change, { object: 'set' | 'map' }>): Line {
  if (change.op !== 'add') return plain(`${change.op} ${change.object} ${table} ${foreignName(change.name)}`);
  if (change.object === 'map') {
    return plain(`add map ${table} ${objectName(change.map.name)}${inlineBlock(mapHeader(change.map))}`);
  }
  const { set } = change;
  return { text: `add set ${table} ${objectName(set.name)}${inlineBlock(setHeader(set))}`, origin: set.origin };
}

function elementLines(table: string, change: ElementChange): readonly Line[] {
  const { op, origin } = change;
  const elements =
    change.object === 'mapElement'
      ? mapElementsSyntax(change.elements, change.type)
      : sortedValues(change.elements, change.type).map((value) => valueSyntax(value, change.type));
  return Array.from(elementChunks(elements), (chunk) => ({
    text: `${op} element ${table} ${objectName(change.name)} { ${chunk} }`,
    origin,
  }));
}

/** What stands between the braces of each line. */
function* elementChunks(elements: Iterable<string>): Generator<string> {
  let chunk: string[] = [];
  for (const element of elements) {
    if (chunk.length === ELEMENTS_PER_LINE) {
      yield chunk.join(', ');
      chunk = [];
    }
    chunk.push(element);
  }
  if (chunk.length > 0) yield chunk.join(', ');
}

function* tableLines(table: Table): Generator<Line> {
  const name = `inet ${objectName(table.name)}`;
  yield* removalLines(name);
  yield plain(`table ${name} {`);
  const sets = [
    ...byName(table.sets).map((set) => setBlock(name, set)),
    ...byName(table.maps).map((map) => mapBlock(name, map)),
  ];
  const chains = [...byName(table.chains.filter(isBase)), ...byName(table.chains.filter((chain) => !isBase(chain)))];
  let isFirst = true;
  for (const block of [...sets.map(({ block }) => block()), ...chains.map(chainBlock)]) {
    if (!isFirst) yield plain('');
    isFirst = false;
    yield* block;
  }
  yield plain('}');
  for (const { more } of sets) yield* more();
}

function byName<T extends { readonly name: string }>(objects: readonly T[]): readonly T[] {
  return [...objects].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isBase(chain: Chain): boolean {
  return chain.base !== undefined;
}

/** The block of a set within its table, and the lines after the table for what is too much for the block. */
interface SetLines {
  block(): Iterable<Line>;
  /** After the block. */
  more(): Iterable<Line>;
}

const elementsOfSets = new WeakMap<NamedSet, readonly string[]>();

/** Most sets of a table that is printed are those of the one before: what is to be sorted is kept. */
function setElements(set: NamedSet): Iterable<string> {
  const { elements, type } = set;
  const syntax = (value: Value) => valueSyntax(value, type);
  if ('inOrder' in elements && elements.inOrder) return mapped(elements, syntax);
  const known = elementsOfSets.get(set);
  if (known) return known;
  const sorted = withOrigin(set, () => sortedValues([...elements], type).map(syntax));
  elementsOfSets.set(set, sorted);
  return sorted;
}

function* mapped<T>(values: Iterable<T>, text: (value: T) => string): Generator<string> {
  for (const value of values) yield text(value);
}

function setBlock(table: string, set: NamedSet): SetLines {
  // For each line nft 1.0.6 checks all that is in an interval set: 100 000 prefixes take twice as long in lines of 5000.
  const chunks = () => (set.interval ? wholeChunk(setElements(set)) : elementChunks(setElements(set)));
  return linesOf(table, `set ${objectName(set.name)}`, setHeader(set), chunks, set);
}

function* wholeChunk(elements: Iterable<string>): Generator<string> {
  const texts = [...elements];
  if (texts.length > 0) yield texts.join(', ');
}

function mapBlock(table: string, map: VerdictMap): SetLines {
  const chunks = () => elementChunks(mapElementsSyntax(map.elements, map.type));
  return linesOf(table, `map ${objectName(map.name)}`, mapHeader(map), chunks, { name: map.name });
}

function linesOf(
  table: string,
  title: string,
  header: readonly string[],
  chunksOf: () => Iterator<string>,
  { name, origin }: { readonly name: string; readonly origin?: Origin },
): SetLines {
  let chunks: Iterator<string> | undefined;
  return {
    *block() {
      chunks = chunksOf();
      const { value: first, done } = chunks.next();
      yield { text: `\t${title} {`, origin };
      for (const line of header) yield { text: `\t\t${line}`, origin };
      if (!done) yield { text: `\t\telements = { ${first} }`, origin };
      yield plain('\t}');
    },
    *more() {
      for (let next = chunks?.next(); next && !next.done; next = chunks?.next())
        yield { text: `add element ${table} ${name} { ${next.value} }`, origin };
    },
  };
}

function setHeader({ type, interval, comment }: NamedSet): readonly string[] {
  return [`type ${type.join(' . ')}`, ...(interval ? ['flags interval'] : []), ...commentLines(comment)];
}

function mapHeader({ type, comment }: VerdictMap): readonly string[] {
  return [`type ${type.join(' . ')} : verdict`, ...commentLines(comment)];
}

function chainBlock(chain: Chain): readonly Line[] {
  return [
    plain(`\tchain ${objectName(chain.name)} {`),
    ...chainHeader(chain).map((line) => plain(`\t\t${line}`)),
    ...chain.rules.map((rule) => ({ text: `\t\t${ruleSyntax(rule)}`, origin: rule.origin })),
    plain('\t}'),
  ];
}

function chainHeader({ base, comment }: Chain): readonly string[] {
  if (!base) return commentLines(comment);
  if (!Number.isInteger(base.priority)) throw new NftError('invalid', `priority ${base.priority} is not an integer`);
  return [...commentLines(comment), `type ${base.type} hook ${base.hook} priority ${base.priority}; policy accept;`];
}

function commentLines(comment: string | undefined): readonly string[] {
  const text = commentText(comment ?? '');
  return text === '' ? [] : [`comment "${text}"`];
}

/** The name of an object that is only there to be deleted: somebody else may have made it. */
function foreignName(name: string): string {
  if (!isNftName(name)) throw new NftError('invalid', `nft can't be told the name ${JSON.stringify(name)}`);
  return name;
}
