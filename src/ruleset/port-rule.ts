import type { Expression, Rule as NftRule, Statement, Value } from '../nft/objects.js';

/** A protocol and a destination port, as protocol × 65536 + port. */
export type PortKey = number;

export function portKey(protocol: number, port: number): PortKey {
  return protocol * 65_536 + port;
}

type Match = Extract<Statement, { kind: 'match' }>;

/** What decides whether and where a rule of a list can be moved. */
export interface PortRule {
  /** All that it matches is for one of these; undefined if that can't be told, or they are too many. */
  readonly keys: readonly PortKey[] | undefined;
  /** The rule without its match of protocol and port, for where these are known. */
  readonly behindPort: NftRule;
  /** What it does with a packet, equal for equal verdicts; undefined if the packet goes on. */
  readonly verdict: string | undefined;
  /** The only protocol of the packets that it matches. */
  readonly protocol: number | undefined;
  /** It can be one level further down: return and goto would mean something else there. */
  readonly jumpable: boolean;
  /** How many look-ups in sets it takes, each of which costs as much as several comparisons. */
  readonly lookups: number;
}

/** Ranges count by their ports. */
const MOST_PORTS = 64;

const known = new WeakMap<NftRule, PortRule>();

export function portRule(rule: NftRule): PortRule {
  const before = known.get(rule);
  if (before) return before;
  const result = analyse(rule);
  known.set(rule, result);
  return result;
}

function analyse(rule: NftRule): PortRule {
  const { statements } = rule;
  const protocol = statements.find(isProtocolMatch);
  const number = protocol && typeof protocol.right === 'number' ? protocol.right : undefined;
  const jumpable = statements.every(({ kind }) => kind !== 'return' && kind !== 'goto' && kind !== 'vmap');
  const found = jumpable ? (keysOfPair(statements) ?? keysOfPort(statements, protocol, number)) : undefined;
  return {
    keys: found?.keys,
    behindPort: found ? { ...rule, statements: statements.filter((one) => !found.by.includes(one)) } : rule,
    verdict: verdictOf(statements),
    protocol: number,
    jumpable,
    lookups: statements.filter(isLookup).length,
  };
}

interface Keys {
  readonly keys: readonly PortKey[];
  /** The matches that say so. */
  readonly by: readonly Statement[];
}

function keysOfPort(
  statements: readonly Statement[],
  protocol: Match | undefined,
  number: number | undefined,
): Keys | undefined {
  const port = statements.find(isPortMatch);
  const ports = port && portsOf(port);
  if (!protocol || number === undefined || !ports) return undefined;
  return { keys: ports.map((each) => portKey(number, each)), by: [protocol, port] };
}

/** Failsafe ports name protocol and port together. */
function keysOfPair(statements: readonly Statement[]): Keys | undefined {
  const pair = statements.find(isPairMatch);
  if (!pair || typeof pair.right !== 'object' || !('elements' in pair.right)) return undefined;
  const keys: PortKey[] = [];
  for (const value of pair.right.elements) {
    const [protocol, port] = Array.isArray(value) ? (value as readonly Value[]) : [];
    if (typeof protocol !== 'number' || typeof port !== 'number') return undefined;
    keys.push(portKey(protocol, port));
  }
  return { keys: [...new Set(keys)], by: [pair] };
}

function isLookup(statement: Statement): boolean {
  if (statement.kind !== 'match' || typeof statement.right !== 'object') return false;
  return 'set' in statement.right || ('elements' in statement.right && statement.right.elements.length > 1);
}

function isProtocolMatch(statement: Statement): statement is Match {
  return isEquality(statement) && isProtocol(statement.left);
}

function isPortMatch(statement: Statement): statement is Match {
  return isEquality(statement) && isPort(statement.left);
}

function isPairMatch(statement: Statement): statement is Match {
  if (!isEquality(statement) || statement.left.kind !== 'concat') return false;
  const [first, second, ...more] = statement.left.parts;
  return more.length === 0 && first !== undefined && second !== undefined && isProtocol(first) && isPort(second);
}

function isEquality(statement: Statement): statement is Match {
  return statement.kind === 'match' && statement.op === '==';
}

function isProtocol(expression: Expression): boolean {
  return expression.kind === 'meta' && expression.key === 'l4proto';
}

function isPort(expression: Expression): boolean {
  return expression.kind === 'payload' && expression.protocol === 'th' && expression.field === 'dport';
}

function portsOf({ right }: Match): readonly number[] | undefined {
  const values = typeof right === 'object' && 'elements' in right ? right.elements : [right];
  const ports = new Set<number>();
  for (const value of values) {
    const range = typeof value === 'number' ? { from: value, to: value } : value;
    if (typeof range !== 'object' || !('from' in range)) return undefined;
    const { from, to } = range;
    if (typeof from !== 'number' || typeof to !== 'number' || to - from >= MOST_PORTS) return undefined;
    for (let port = from; port <= to; port++) ports.add(port);
    if (ports.size > MOST_PORTS) return undefined;
  }
  return [...ports];
}

/** A log line, or a limit, is no verdict: whether a packet comes there must not change. */
function verdictOf(statements: readonly Statement[]): string | undefined {
  const actions = statements.filter(({ kind }) => kind !== 'match');
  const isFinal = actions.every(({ kind }) => FINAL.has(kind)) && actions.length > 0;
  return isFinal ? JSON.stringify(actions) : undefined;
}

const FINAL: ReadonlySet<Statement['kind']> = new Set([
  'accept',
  'drop',
  'reject',
  'goto',
  'return',
  'mark',
  'notrack',
]);
