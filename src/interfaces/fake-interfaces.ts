import type { Interface, InterfaceListener, InterfaceSource, Interfaces } from './interface-source.js';
import { sameInterface } from './same-interface.js';

export interface FakeInterfaces extends InterfaceSource {
  /** What there is from now on; told at once, if it is started and something differs. */
  set(interfaces: Iterable<Interface>): void;
  /** Tells a problem, or its end. */
  problem(reason: string | undefined): void;
}

/** Interfaces that are what they are set to. The first list is told soon after `start`, as with the real ones. */
export function fakeInterfaces(initial: Iterable<Interface> = []): FakeInterfaces {
  let current: Interfaces = byName(initial);
  let started = false;
  let listener: InterfaceListener | undefined;
  return {
    start: (to) => {
      started = true;
      queueMicrotask(() => {
        if (!started) return;
        listener = to;
        to.changed(current);
      });
    },
    stop: async () => {
      started = false;
      listener = undefined;
    },
    set: (interfaces) => {
      const next = byName(interfaces, current);
      const same = next.size === current.size && [...next].every(([name, one]) => current.get(name) === one);
      if (same) return;
      current = next;
      listener?.changed(current);
    },
    problem: (reason) => listener?.problem(reason),
  };
}

function byName(interfaces: Iterable<Interface>, before: Interfaces = new Map()): Interfaces {
  const named = new Map<string, Interface>();
  for (const one of interfaces) {
    const old = before.get(one.name);
    named.set(one.name, old !== undefined && sameInterface(old, one) ? old : one);
  }
  return named;
}
