import type { BaseChain } from '../../src/nft/objects.js';
import { addressNumber, addressText } from './address.js';
import { hasPorts, type Packet, type State } from './packet.js';
import type { Place } from './topology.js';
import type { NamedBase } from './trace-check.js';
import { initialState, type Manipulation, type PacketState } from './trace-state.js';

export interface Trace {
  readonly verdict: 'accept' | 'drop' | 'reject';
  /** Base chains that were entered, and the rules that decided something: `chain: comment → verdict`. */
  readonly steps: readonly string[];
  /** Hooks that were passed to their end, with the addresses of then: `forward 10.0.0.5 > 10.65.0.2`. */
  readonly passed: readonly string[];
  /** Prefixes of log lines, in order. */
  readonly logged: readonly string[];
  /** The mark at the end. */
  readonly mark: number;
  /** What connection tracking made of it, as far as it came. */
  readonly state: State;
}

/** Where a packet goes from an interface, or from the host itself, to an address. */
export type Route = (iif: string | undefined, destination: string) => Place;

/** Runs a chain: undefined when it is left without a verdict. */
export type RunChain = (chain: string, state: PacketState, steps: string[]) => 'accept' | 'drop' | 'reject' | undefined;

type Hook = BaseChain['hook'];
type Routed = Pick<Packet, 'path' | 'iif' | 'oif'>;

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

const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

const TRACKING = -200;
/** What the kernel translates on a hook, and when. */
const NAT: Readonly<Partial<Record<Hook, { readonly priority: number; readonly what: Manipulation }>>> = {
  prerouting: { priority: -100, what: 'destination' },
  output: { priority: -100, what: 'destination' },
  input: { priority: 100, what: 'source' },
  postrouting: { priority: 100, what: 'source' },
};

/** Something that happens to a packet on a hook. */
interface Action {
  readonly priority: number;
  readonly act: (passage: Passage) => 'accept' | 'drop' | 'reject' | undefined;
}

interface Passage {
  readonly packet: Packet;
  readonly state: PacketState;
  readonly steps: string[];
}

/** Takes packets through the hooks; on each, in order of priority, happens what the kernel does itself and what chains do. */
export function walker(bases: readonly NamedBase[], runChain: RunChain, route: Route): (packet: Packet) => Trace {
  const hooks = new Map(HOOKS.map((hook) => [hook, inOrder(actionsOf(hook))]));
  return walk;

  function actionsOf(hook: Hook): Action[] {
    const filters = bases.filter((base) => base.hook === hook && base.type === 'filter');
    const actions = filters.map(chainAction);
    const nat = NAT[hook];
    if (!nat) return actions;
    if (nat.what === 'destination') actions.push({ priority: TRACKING, act: track });
    return [...actions, natAction(hook, nat.priority, nat.what)];
  }

  function chainAction({ name, hook, priority }: NamedBase): Action {
    const act = ({ state, steps }: Passage) => {
      steps.push(`${hook} ${priority}`);
      return runChain(name, state, steps);
    };
    return { priority, act };
  }

  /** The first rule of all chains of type nat that translates counts, and nothing is translated twice. */
  function natAction(hook: Hook, priority: number, what: Manipulation): Action {
    const own = bases.filter((base) => base.hook === hook && base.type === 'nat').map(chainAction);
    const others = what === 'destination' ? [{ priority, act: translateByOthers }] : [];
    const attempts = inOrder([...own, ...others]);
    const act = (passage: Passage) => {
      const { state } = passage;
      if (state.natDone.has(what) || state.state === 'untracked' || state.state === 'invalid') return undefined;
      // Of an open connection it is settled; the rules of others stand for what was.
      for (const attempt of state.state === 'new' ? attempts : others)
        if (!state.natDone.has(what)) attempt.act(passage);
      state.natDone.add(what);
      return undefined;
    };
    return { priority, act };
  }

  function walk(packet: Packet): Trace {
    const state = initialState(packet);
    const passage: Passage = { packet, state, steps: [] };
    const passed: string[] = [];
    const verdict = walkHooks([FIRST_HOOK[packet.path]], packet) ?? walkRest(routed(passage)) ?? 'accept';
    return { verdict, steps: passage.steps, passed, logged: state.logged, mark: state.mark, state: state.state };

    function walkRest(place: Routed): 'drop' | 'reject' | undefined {
      return walkHooks(LATER_HOOKS[place.path], place);
    }

    function walkHooks(names: readonly Hook[], place: Routed): 'drop' | 'reject' | undefined {
      for (const hook of names) {
        enterHook(hook, place, state);
        for (const { act } of hooks.get(hook) ?? []) {
          const verdict = act(passage);
          if (verdict === 'drop' || verdict === 'reject') return verdict;
        }
        passed.push(`${hook} ${addressNow(passage, 'source')} > ${addressNow(passage, 'destination')}`);
      }
      return undefined;
    }
  }

  /** Where it goes is decided here, by the addresses that it has now. */
  function routed({ packet, state }: Passage): Routed {
    if (state.isOwnDnat) return route(packet.iif, addressText(state.family, state.destination));
    // Its connection may be translated, and this packet not be.
    return packet.dnat && isTranslated(state) ? { ...packet, ...packet.dnat } : packet;
  }
}

function inOrder(actions: readonly Action[]): readonly Action[] {
  return [...actions].sort((a, b) => a.priority - b.priority);
}

function track({ state }: Passage): undefined {
  state.tracked = true;
}

function addressNow({ packet, state }: Passage, side: Manipulation): string {
  return state[side] === addressNumber(packet[side]) ? packet[side] : addressText(state.family, state[side]);
}

/** The interfaces that a hook knows: before routing no output, behind a process no input. */
function enterHook(hook: Hook, place: Routed, state: PacketState): void {
  const { iif = '', oif = '' } = place.path === 'loopback' ? { iif: 'lo', oif: 'lo' } : place;
  const isLocal = place.path === 'out' || place.path === 'loopback';
  state.iif = hook === 'output' || (hook === 'postrouting' && isLocal) ? '' : iif;
  state.oif = hook === 'prerouting' || hook === 'input' ? '' : oif;
}

function isTranslated(state: PacketState): boolean {
  return state.isDnat && state.state !== 'untracked' && state.state !== 'invalid';
}

function translateByOthers({ packet, state }: Passage): undefined {
  const { dnat } = packet;
  if (!dnat) return;
  state.destination = addressNumber(dnat.destination);
  if (hasPorts(packet) && dnat.dport !== undefined) state.dport = dnat.dport;
  state.isDnat = true;
  state.natDone.add('destination');
}
