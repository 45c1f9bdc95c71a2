import type { Rule as NftRule, Statement } from '../nft/objects.js';

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
  const port = statements.find(isPortMatch);
  const number = protocol && typeof protocol.right === 'number' ? protocol.right : undefined;
  const ports = port && portsOf(port);
  const jumpable = statements.every(({ kind }) => kind !== 'return' && kind !== 'goto' && kind !== 'vmap');
  const keys = number === undefined || !jumpable ? undefined : ports?.map((each) => portKey(number, each));
  return {
    keys,
    behindPort: keys ? { ...rule, statements: statements.filter((one) => one !== protocol && one !== port) } : rule,
    verdict: verdictOf(statements),
    protocol: number,
    jumpable,
  };
}

function isProtocolMatch(statement: Statement): statement is Match {
  if (statement.kind !== 'match' || statement.op !== '==') return false;
  return statement.left.kind === 'meta' && statement.left.key === 'l4proto';
}

function isPortMatch(statement: Statement): statement is Match {
  if (statement.kind !== 'match' || statement.op !== '==') return false;
  const { left } = statement;
  return left.kind === 'payload' && left.protocol === 'th' && left.field === 'dport';
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
