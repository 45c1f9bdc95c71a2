import type { BaseChain, NamedSet, Rule, Statement, Table, Verdict } from '../../src/nft/objects.js';
import { addressNumber } from './address.js';
import { hasPorts, type Packet, type State } from './packet.js';
import { checkTable, type NamedBase } from './trace-check.js';
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
import { initialState, type PacketState } from './trace-state.js';

/**
 * The third opinion about a ruleset: walks a packet through the objects of a table as the kernel does, and refuses whatever it
 * does not know, or that nft or the kernel would refuse, instead of guessing.
 */
export interface Tracer {
  trace(packet: Packet): Trace;
}

export interface Trace {
  readonly verdict: 'accept' | 'drop' | 'reject';
  /** Base chains that were entered, and the rules that decided something: `chain: comment → verdict`. */
  readonly steps: readonly string[];
  /** Hooks that were passed to their end. */
  readonly passed: readonly string[];
  /** Prefixes of log lines, in order. */
  readonly logged: readonly string[];
  /** The mark at the end. */
  readonly mark: number;
  /** What connection tracking made of it, as far as it came. */
  readonly state: State;
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
export function tracer(table: Table): Tracer {
  const lookups: Lookups = {
    sets: unique(table.sets, (set) => ({ set, has: membershipOf(set.elements, set.type, set.interval !== true) })),
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
  return { trace: (packet) => walk(packet, bases, rulesOf) };
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
  return ['accept', 'drop', 'return', 'jump', 'goto', 'reject'].includes(statement.kind);
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
      throw new Refused(statement.kind);
    default:
      throw new Refused(`statement ${JSON.stringify(statement)}`);
  }
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

type Hook = BaseChain['hook'];
const FIRST_HOOK: Readonly<Record<Packet['path'], Hook>> = {
  in: 'prerouting',
  forward: 'prerouting',
  out: 'output',
  loopback: 'output',
};
const LATER_HOOKS: Readonly<Record<Packet['path'], readonly Hook[]>> = {
  in: ['input'],
  forward: ['forward', 'postrouting'],
  out: ['postrouting'],
  loopback: ['postrouting', 'prerouting', 'input'],
};

function walk(packet: Packet, bases: readonly NamedBase[], rulesOf: Walk['rulesOf']): Trace {
  const state = initialState(packet);
  const steps: string[] = [];
  const passed: string[] = [];
  const verdict =
    walkHook(FIRST_HOOK[packet.path], packet) ??
    // Where it goes is decided here, by the addresses that it has now; its connection may be translated, and this one not be.
    walkHooks(packet.dnat && isTranslated(state) ? { ...packet, ...packet.dnat } : packet) ??
    'accept';
  return { verdict, steps, passed, logged: state.logged, mark: state.mark, state: state.state };

  function walkHooks(routed: Pick<Packet, 'path' | 'iif' | 'oif'>): 'drop' | 'reject' | undefined {
    for (const hook of LATER_HOOKS[routed.path]) {
      const verdict = walkHook(hook, routed);
      if (verdict) return verdict;
    }
    return undefined;
  }

  function walkHook(hook: Hook, routed: Pick<Packet, 'path' | 'iif' | 'oif'>): 'drop' | 'reject' | undefined {
    enterHook(hook, routed, state);
    const onHook = bases.filter((base) => base.hook === hook).sort((a, b) => a.priority - b.priority);
    for (const base of onHook) {
      passPriority(hook, base.priority, packet, state);
      steps.push(`${hook} ${base.priority}`);
      const verdict = run(base.name, { state, steps, rulesOf });
      if (verdict === 'drop' || verdict === 'reject') return verdict;
    }
    passPriority(hook, LAST, packet, state);
    passed.push(hook);
    return undefined;
  }
}

const LAST = 1000;

/** The interfaces that a hook knows: before routing no output, behind a process no input. */
function enterHook(hook: Hook, routed: Pick<Packet, 'path' | 'iif' | 'oif'>, state: PacketState): void {
  const { iif = '', oif = '' } = routed.path === 'loopback' ? { iif: 'lo', oif: 'lo' } : routed;
  const isLocal = routed.path === 'out' || routed.path === 'loopback';
  state.iif = hook === 'output' || (hook === 'postrouting' && isLocal) ? '' : iif;
  state.oif = hook === 'prerouting' || hook === 'input' ? '' : oif;
}

function isTranslated(state: PacketState): boolean {
  return state.isDnat && state.state !== 'untracked' && state.state !== 'invalid';
}

/** What the kernel does itself between the priorities of base chains. */
function passPriority(hook: Hook, priority: number, packet: Packet, state: PacketState): void {
  if (hook !== 'prerouting' && hook !== 'output') return;
  if (priority > -200) state.tracked = true;
  if (priority > -100) translate(packet, state);
}

function translate({ dnat, ...packet }: Packet, state: PacketState): void {
  if (!dnat || state.state === 'untracked' || state.state === 'invalid') return;
  state.destination = addressNumber(dnat.destination);
  if (hasPorts(packet) && dnat.dport !== undefined) state.dport = dnat.dport;
  state.isDnat = true;
}
