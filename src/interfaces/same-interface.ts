import type { Interface } from './interface-source.js';

/** Whether two states of an interface are the same. */
export function sameInterface(a: Interface, b: Interface): boolean {
  return (
    a === b ||
    (a.name === b.name &&
      a.index === b.index &&
      a.up === b.up &&
      a.addresses.length === b.addresses.length &&
      a.addresses.every((address, i) => address === b.addresses[i]))
  );
}
