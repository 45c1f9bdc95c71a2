import type { ChainContent, SetContent, TableContent } from './driver.js';

/** The objects that are not the same in both, sorted: `chain forward`, `map dispatch`, `counter foo`, `table flags`. */
export function differences(actual: TableContent, desired: TableContent): readonly string[] {
  return [
    ...(actual.flagged ? ['table flags'] : []),
    ...namesOf(actual.chains, desired.chains)
      .filter((name) => !sameChain(actual.chains.get(name), desired.chains.get(name)))
      .map((name) => `chain ${name}`),
    ...namesOf(actual.sets, desired.sets)
      .filter((name) => !sameSet(actual.sets.get(name), desired.sets.get(name)))
      .map((name) => `${(desired.sets.get(name) ?? actual.sets.get(name))?.kind} ${name}`),
    ...actual.others.map(({ kind, name }) => `${kind} ${name}`),
  ];
}

function namesOf(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort();
}

/** The same header and rules. */
export function sameChain(a: ChainContent | undefined, b: ChainContent | undefined): boolean {
  if (a === b) return true;
  if (!a || !b || a.header !== b.header || a.rules.length !== b.rules.length) return false;
  return a.rules.every((text, index) => text === b.rules[index]);
}

/** The same header and elements. */
export function sameSet(a: SetContent | undefined, b: SetContent | undefined): boolean {
  if (a === b) return true;
  if (!a || !b || a.header !== b.header || a.elements.size !== b.elements.size) return false;
  if (a.elements === b.elements) return true;
  for (const [key, value] of a.elements) if (b.elements.get(key) !== value) return false;
  return true;
}
