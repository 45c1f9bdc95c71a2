import type { Elements, Value } from '../nft/objects.js';
import type { Members } from '../policy/host-policy.js';

/** How members of a group are elements of a set of nft. */
export interface ElementForm {
  readonly value: (member: string) => Value;
  readonly member: (value: Value) => string;
  /** Members come in the order in which nft is told elements. */
  readonly inOrder: boolean;
}

/** Gives members as elements: the same object for the same members, of which none is held twice. */
export function elementsIn({ value, member, inOrder }: ElementForm): (members: Members) => Elements {
  const known = new WeakMap<Members, Elements>();
  const membersOf = new WeakMap<Elements, Members>();
  return (members) => {
    const before = known.get(members);
    if (before) return before;
    const elements: Elements = {
      length: members.size,
      inOrder,
      has: (element) => members.has(member(element)),
      changesSince(earlier) {
        const then = membersOf.get(earlier);
        const changes = then && members.changesSince(then);
        return changes && { added: changes.added.map(value), removed: changes.removed.map(value) };
      },
      *[Symbol.iterator]() {
        for (const each of members) yield value(each);
      },
    };
    known.set(members, elements);
    membersOf.set(elements, members);
    return elements;
  };
}
