import { asIPv4, asText, type CountedMembers, countedMembers } from './counted-members.js';
import type { Family, MemberGroup, MemberSet } from './host-policy.js';

interface Group {
  readonly family: Family;
  readonly length: number;
  readonly counted: CountedMembers;
}

/** Members may come from several items: each goes with the last that brought it. */
export class CountedSet implements MemberSet {
  readonly id: string;
  readonly kind: 'net' | 'ip,port';
  readonly description: string;
  readonly members: MemberSet['members'];
  /** By family and length as one number. */
  readonly #groups = new Map<number, Group>();
  version = 0;

  constructor({ id, kind, description }: Pick<MemberSet, 'id' | 'kind' | 'description'>) {
    this.id = id;
    this.kind = kind;
    this.description = description;
    const groups = this.#groups;
    this.members = {
      has(member) {
        const { text, family, length } = parts(kind, member);
        return groups.get(groupKey(family, length))?.counted.has(text) ?? false;
      },
      get size() {
        return [...groups.values()].reduce((sum, { counted }) => sum + counted.size, 0);
      },
      *[Symbol.iterator]() {
        for (const { counted, length } of groups.values())
          for (const text of counted.current()) yield kind === 'net' ? `${text}/${length}` : text;
      },
    };
  }

  get groups(): readonly MemberGroup[] {
    return [...this.#groups.values()].map(({ family, length, counted }) => ({
      family,
      length,
      members: counted.current(),
    }));
  }

  add(member: string): void {
    const { text, family, length } = parts(this.kind, member);
    const key = groupKey(family, length);
    let group = this.#groups.get(key);
    if (!group) {
      const coding = this.kind === 'net' && family === 4 ? asIPv4 : asText;
      group = { family, length, counted: countedMembers(coding) };
      this.#groups.set(key, group);
    }
    if (group.counted.add(text)) this.version++;
  }

  remove(member: string): void {
    const { text, family, length } = parts(this.kind, member);
    const key = groupKey(family, length);
    const group = this.#groups.get(key);
    if (!group?.counted.remove(text)) return;
    this.version++;
    if (group.counted.size === 0) this.#groups.delete(key);
  }
}

/** In which group a member is, and how it is told there. */
function parts(kind: MemberSet['kind'], member: string) {
  const end = member.lastIndexOf(kind === 'net' ? '/' : ',');
  const address = member.slice(0, end);
  const family: Family = address.includes(':') ? 6 : 4;
  if (kind === 'net') return { family, length: Number(member.slice(end + 1)), text: address };
  return { family, length: family === 4 ? 32 : 128, text: member };
}

function groupKey(family: Family, length: number): number {
  return family * 256 + length;
}
