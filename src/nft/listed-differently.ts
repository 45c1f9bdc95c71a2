import type { ChainContent, SetContent, TableContent } from './driver.js';
import { differences, sameChain, sameSet } from './table-differences.js';

/**
 * Objects that this version of nft lists in another way than Margay expects, although they are what was written. Without this
 * they would be repaired at each reading. What counts as equal is only this listing of this desired object.
 */
export interface ListedDifferently {
  /** The content with the objects that count as equal replaced by the desired ones. */
  apply(content: TableContent, desired: TableContent): TableContent;
  /** Takes what still differs among these objects, right after they were written, for equal from now on. */
  learn(content: TableContent, desired: TableContent, written: readonly string[]): void;
  clear(): void;
}

interface Pair<T> {
  readonly listed: T;
  readonly desired: T;
}

export function listedDifferently(onLearnt: ((object: string) => void) | undefined): ListedDifferently {
  const chains = new Map<string, Pair<ChainContent>>();
  const sets = new Map<string, Pair<SetContent>>();
  const told = new Set<string>();

  const tell = (object: string) => {
    if (!told.has(object)) onLearnt?.(object);
    told.add(object);
  };

  return {
    apply: (content, desired) => ({
      ...content,
      chains: replaced(content.chains, desired.chains, chains, sameChain),
      sets: replaced(content.sets, desired.sets, sets, sameSet),
    }),
    learn(content, desired, written) {
      const different = new Set(differences(content, desired));
      for (const object of written.filter((each) => different.has(each))) {
        const [kind, name = ''] = object.split(' ');
        const learnt =
          kind === 'chain'
            ? pair(chains, content.chains, desired.chains, name)
            : pair(sets, content.sets, desired.sets, name);
        if (learnt) tell(object);
      }
    },
    clear() {
      chains.clear();
      sets.clear();
    },
  };
}

/** An object that is missing, or not desired, is never equal. */
function pair<T>(
  pairs: Map<string, Pair<T>>,
  from: ReadonlyMap<string, T>,
  to: ReadonlyMap<string, T>,
  name: string,
): boolean {
  const listed = from.get(name);
  const desired = to.get(name);
  if (listed === undefined || desired === undefined) return false;
  pairs.set(name, { listed, desired });
  return true;
}

function replaced<T>(
  content: ReadonlyMap<string, T>,
  desired: ReadonlyMap<string, T>,
  pairs: ReadonlyMap<string, Pair<T>>,
  same: (a: T | undefined, b: T | undefined) => boolean,
): ReadonlyMap<string, T> {
  if (pairs.size === 0) return content;
  return new Map(
    [...content].map(([name, listed]) => {
      const known = pairs.get(name);
      const isKnown = known !== undefined && same(known.listed, listed) && same(known.desired, desired.get(name));
      return [name, isKnown ? known.desired : listed];
    }),
  );
}
