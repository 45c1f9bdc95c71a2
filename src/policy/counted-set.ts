import type { MemberSet } from './host-policy.js';

/** Members may come from several items: each goes with the last that brought it. */
export class CountedSet implements MemberSet {
  readonly id: string;
  readonly kind: 'net' | 'ip,port';
  readonly description: string;
  readonly members: MemberSet['members'];
  readonly #counts = new Map<string, number>();
  version = 0;

  constructor({ id, kind, description }: Pick<MemberSet, 'id' | 'kind' | 'description'>) {
    this.id = id;
    this.kind = kind;
    this.description = description;
    const counts = this.#counts;
    this.members = {
      has: (member) => counts.has(member),
      get size() {
        return counts.size;
      },
      [Symbol.iterator]: () => counts.keys(),
    };
  }

  add(member: string): void {
    const users = this.#counts.get(member) ?? 0;
    this.#counts.set(member, users + 1);
    if (users === 0) this.version++;
  }

  remove(member: string): void {
    const users = this.#counts.get(member) ?? 0;
    if (users > 1) {
      this.#counts.set(member, users - 1);
    } else if (this.#counts.delete(member)) {
      this.version++;
    }
  }
}
