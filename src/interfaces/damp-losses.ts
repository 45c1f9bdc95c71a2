import type { Clock } from './clock.js';
import type { Interface, Interfaces } from './interface-source.js';
import { sameInterface } from './same-interface.js';

/** What is away for less than this was never away (Felix has the same time). */
const DAMPING_MS = 100;

export interface LossDamper {
  /** Takes the actual state. */
  update(actual: Interfaces): void;
  /** Nothing is told any more. */
  stop(): void;
}

/**
 * Tells what is gained at once, and the loss of an interface, an address or the state `up` only when it lasts. Each difference
 * makes a new map; interfaces that did not change keep their identity. The first update is always told.
 */
export function dampLosses(clock: Clock, tell: (interfaces: Interfaces) => void): LossDamper {
  let told: Interfaces | undefined;
  let actual: Interfaces = new Map();
  let lostSince: ReadonlyMap<string, number> = new Map();
  let cancelTimer: (() => void) | undefined;

  function settle(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    const losses = trackLosses(lostSince, clock.now());
    const next = merge(told ?? new Map(), actual, losses.held);
    lostSince = losses.since;
    const wait = losses.remaining();
    if (wait !== undefined) cancelTimer = clock.after(wait, settle);
    if (told !== undefined && isSame(told, next)) return;
    told = next;
    tell(next);
  }

  return {
    update: (interfaces) => {
      actual = interfaces;
      settle();
    },
    stop: () => cancelTimer?.(),
  };
}

interface Losses {
  /** Whether a lost thing still counts as there. */
  held(lost: string): boolean;
  /** When what is lost now was lost. */
  readonly since: ReadonlyMap<string, number>;
  /** Milliseconds until the next loss is final. */
  remaining(): number | undefined;
}

function trackLosses(before: ReadonlyMap<string, number>, now: number): Losses {
  const since = new Map<string, number>();
  return {
    held: (lost) => {
      const start = before.get(lost) ?? now;
      const held = now - start < DAMPING_MS;
      if (held) since.set(lost, start);
      return held;
    },
    since,
    remaining: () => (since.size === 0 ? undefined : Math.min(...since.values()) + DAMPING_MS - now),
  };
}

function merge(told: Interfaces, actual: Interfaces, held: Losses['held']): Interfaces {
  const merged = new Map<string, Interface>();
  for (const [name, before] of told) {
    const now = actual.get(name);
    const next = now === before ? now : mergeInterface(before, now, held);
    if (next !== undefined) merged.set(name, next);
  }
  for (const [name, now] of actual) {
    if (!told.has(name)) merged.set(name, now);
  }
  return merged;
}

/** Losses are named with a blank between their parts: no interface has one in its name. */
function mergeInterface(before: Interface, now: Interface | undefined, held: Losses['held']): Interface | undefined {
  if (now !== undefined && sameInterface(before, now)) return before;
  const { name } = before;
  const present = new Set(now?.addresses);
  const up = now?.up === true || (before.up && held(`${name} up`));
  const kept = before.addresses.filter((address) => !present.has(address) && held(`${name} ${address}`));
  if (now === undefined && !held(name)) return undefined;
  const next = { name, index: (now ?? before).index, up, addresses: [...present, ...kept].sort() };
  if (sameInterface(next, before)) return before;
  return now !== undefined && sameInterface(next, now) ? now : next;
}

function isSame(a: Interfaces, b: Interfaces): boolean {
  return a.size === b.size && [...a].every(([name, one]) => b.get(name) === one);
}
