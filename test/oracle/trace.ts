import type { NamedSet, Rule, Statement, Table, Verdict } from '../../src/nft/objects.js';
import { addressNumber, familyOf } from './address.js';
import type { Packet } from './packet.js';
import { placeOf } from './topology.js';
import { checkTable } from './trace-check.js';
import {
  compileExpression,
  keyOf,
  type Membership,
  membershipOf,
  operandValues,
  Refused,
  type Scalar,
  wordBits,
} from './trace-expression.js';
import type { PacketState } from './trace-state.js';
import { type Route, type Trace, walker } from './trace-walk.js';

/**
 * The third opinion about a ruleset: walks a packet through the objects of a table as the kernel does, and refuses whatever it
 * does not know, or that nft or the kernel would refuse, instead of guessing.
 */
export interface Tracer {
  trace(packet: Packet): Trace;
}

type Ending = Verdict | { readonly kind: 'reject' };
/** What a statement makes of a packet: goes on, breaks off the rule, or ends it with a verdict. */
type Step = 'continue' | 'break' | Ending;
type CompiledStatement = (state: PacketState) => Step;

interface CompiledRule {
  readonly statements: readonly CompiledStatement[];
  readonly comment: string;
}

interface Lookups {
  readonly sets: ReadonlyMap<string, { readonly set: NamedSet; readonly has: Membership }>;
  readonly maps: ReadonlyMap<
    string,
    { readonly type: readonly string[]; readonly verdicts: ReadonlyMap<Scalar, Verdict> }
  >;
}

/** @throws Refused */
export function tracer(table: Table, route: Route = placeOf): Tracer {
  const lookups: Lookups = {
    sets: unique(table.sets, (set) => ({ set, has: membershipOf([...set.elements], set.type, set.interval !== true) })),
    maps: unique(table.maps, ({ type, elements }) => ({ type, verdicts: verdictsOf(elements, type) })),
  };
  for (const name of lookups.maps.keys()) if (lookups.sets.has(name)) throw new Refused(`set and map ${name}`);
  const chains = unique(table.chains, (chain) => ({
    chain,
    rules: chain.rules.map((rule) => compileRule(rule, lookups)),
  }));
  const bases = checkTable(table);
  const rulesOf = (name: string): readonly CompiledRule[] => {
    const found = chains.get(name);
    if (!found) throw new Refused(`chain ${name} does not exist`);
    return found.rules;
  };
  return { trace: walker(bases, (name, state, steps) => run(name, { state, steps, rulesOf }), route) };
}

function unique<T extends { readonly name: string }, U>(objects: readonly T[], make: (object: T) => U): Map<string, U> {
  const made = new Map<string, U>();
  for (const object of objects) {
    if (made.has(object.name)) throw new Refused(`${object.name} is there twice`);
    made.set(object.name, make(object));
  }
  return made;
}

function verdictsOf(
  elements: readonly (readonly [Parameters<typeof keyOf>[0], Verdict])[],
  types: Parameters<typeof keyOf>[1],
) {
  const verdicts = new Map<Scalar, Verdict>();
  for (const [value, verdict] of elements) {
    const key = keyOf(value, types);
    if (verdicts.has(key)) throw new Refused(`${String(key)} is there twice in a map`);
    verdicts.set(key, verdict);
  }
  return verdicts;
}

function compileRule({ statements, comment = '' }: Rule, lookups: Lookups): CompiledRule {
  if (statements.length === 0) throw new Refused('a rule without statements');
  const compiled = statements.map((statement, index) => {
    const rest = statements.slice(index + 1);
    if (isEnding(statement) && rest.length > 0) throw new Refused(`${rest[0]?.kind} behind ${statement.kind}`);
    if (statement.kind === 'limit' && !statement.over && rest.some(({ kind }) => kind !== 'log'))
      throw new Refused('a limit that decides about more than logging');
    return compileStatement(statement, lookups);
  });
  return { statements: compiled, comment };
}

function isEnding(statement: Statement): boolean {
  return ['accept', 'drop', 'return', 'jump', 'goto', 'reject', 'dnat', 'snat'].includes(statement.kind);
}

function compileStatement(statement: Statement, lookups: Lookups): CompiledStatement {
  switch (statement.kind) {
    case 'match':
      return compileMatch(statement, lookups);
    case 'vmap':
      return compileVmap(statement, lookups);
    case 'counter':
      return () => 'continue';
    case 'limit':
      // No test sends so much that a limit matters.
      return () => (statement.over ? 'break' : 'continue');
    case 'ct count':
      return () => 'break';
    case 'log':
      return (state) => {
        state.logged.push(statement.prefix);
        return 'continue';
      };
    case 'notrack':
      return (state) => {
        if (state.tracked) return 'continue';
        state.tracked = true;
        state.state = 'untracked';
        return 'continue';
      };
    case 'mark':
      return (state) => {
        state.mark = ((state.mark & statement.and) | statement.or) >>> 0;
        return 'continue';
      };
    case 'accept':
    case 'drop':
    case 'return':
    case 'jump':
    case 'goto':
    case 'reject':
      return () => statement;
    case 'dnat':
    case 'snat':
      return compileNat(statement);
    default:
      throw new Refused(`statement ${JSON.stringify(statement)}`);
  }
}

/** In a family other than that of the address the rule goes on. */
function compileNat({ kind, to }: Extract<Statement, { kind: 'dnat' | 'snat' }>): CompiledStatement {
  const [family, address] = [familyOf(to), addressNumber(to)];
  return (state) => {
    if (state.family !== family) return 'continue';
    if (kind === 'snat') state.source = address;
    else Object.assign(state, { destination: address, isDnat: true, isOwnDnat: true });
    state.natDone.add(kind === 'snat' ? 'source' : 'destination');
    return { kind: 'accept' };
  };
}

function compileMatch({ left, op, right }: Extract<Statement, { kind: 'match' }>, lookups: Lookups): CompiledStatement {
  const { types, read } = compileExpression(left);
  if (op !== '==' && op !== '!=') throw new Refused(`operator ${String(op)}`);
  const wanted = op === '==';
  const has = membership();
  return (state) => {
    const value = read(state);
    return value !== undefined && has(value) === wanted ? 'continue' : 'break';
  };

  function membership(): Membership {
    const [type] = types;
    if (typeof right === 'object' && 'set' in right) {
      const found = lookups.sets.get(right.set);
      if (!found || found.set.type.join() !== types.join()) throw new Refused(`${types} in set ${right.set}`);
      return found.has;
    }
    const values = operandValues(right);
    if (values.length === 0) throw new Refused('an empty anonymous set');
    if (type === 'ct state' || type === 'ct status') {
      const bits = wordBits(values, type);
      return (value) => (Number(value) & bits) !== 0;
    }
    return membershipOf(values, types, false);
  }
}

function compileVmap({ key, map }: Extract<Statement, { kind: 'vmap' }>, lookups: Lookups): CompiledStatement {
  const { types, read } = compileExpression(key);
  if (types.includes('ct status')) throw new Refused('ct status vmap');
  const named = 'name' in map ? lookups.maps.get(map.name) : undefined;
  if ('name' in map && named?.type.join() !== types.join()) throw new Refused(`${types} in map ${map.name}`);
  const verdicts = 'elements' in map ? verdictsOf(map.elements, types) : named?.verdicts;
  return (state) => {
    const value = read(state);
    if (value === undefined) return 'break';
    return verdicts?.get(value) ?? 'break';
  };
}

interface Walk {
  readonly state: PacketState;
  readonly steps: string[];
  readonly rulesOf: (chain: string) => readonly CompiledRule[];
}

/** Runs a chain: undefined when it is left by its end or by return, in the kernel's words NFT_CONTINUE. */
function run(name: string, walk: Walk): 'accept' | 'drop' | 'reject' | undefined {
  let chain = name;
  for (;;) {
    const next = runRules(chain, walk);
    if (next === undefined || typeof next === 'string') return next;
    chain = next.goto;
  }
}

function runRules(chain: string, walk: Walk): 'accept' | 'drop' | 'reject' | { readonly goto: string } | undefined {
  for (const rule of walk.rulesOf(chain)) {
    const ending = applyRule(rule, walk.state);
    if (ending === undefined) continue;
    walk.steps.push(
      `${chain}: ${rule.comment} → ${'chain' in ending ? `${ending.kind} ${ending.chain}` : ending.kind}`,
    );
    switch (ending.kind) {
      case 'accept':
      case 'drop':
      case 'reject':
        return ending.kind;
      case 'return':
        return undefined;
      case 'goto':
        return { goto: ending.chain };
      case 'jump': {
        const result = run(ending.chain, walk);
        if (result !== undefined) return result;
      }
    }
  }
  return undefined;
}

function applyRule(rule: CompiledRule, state: PacketState): Ending | undefined {
  for (const statement of rule.statements) {
    const step = statement(state);
    if (step === 'break') return undefined;
    if (step !== 'continue') return step;
  }
  return undefined;
}
