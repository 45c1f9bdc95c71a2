/** Repeatable random choices: the same seed gives the same sequence on every machine. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(values: readonly T[]): T;
  /** Each of the values with this probability, in their order. */
  some<T>(values: readonly T[], probability: number): T[];
  /** One to `most` of the values, in any order; none twice. */
  few<T>(values: readonly T[], most: number): T[];
  shuffle<T>(values: readonly T[]): T[];
}

/** Marsaglia's xorshift with a Weyl sequence: fast, and good enough to choose test data. */
export function random(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  let weyl = seed >>> 0;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    weyl = (weyl + 0x6d2b79f5) >>> 0;
    let mixed = (state + weyl) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  for (let i = 0; i < 8; i++) next();
  const int = (below: number) => Math.floor((next() / 2 ** 32) * below);
  const pick = <T>(values: readonly T[]): T => {
    if (values.length === 0) throw new RangeError('nothing to pick from');
    return values[int(values.length)] as T;
  };
  const shuffle = <T>(values: readonly T[]): T[] => {
    const rest = [...values];
    return values.map(() => rest.splice(int(rest.length), 1)[0] as T);
  };
  const chance = (probability: number) => next() / 2 ** 32 < probability;
  return {
    int,
    chance,
    pick,
    some: (values, probability) => values.filter(() => chance(probability)),
    few: (values, most) => shuffle(values).slice(0, 1 + int(Math.min(most, values.length))),
    shuffle,
  };
}
