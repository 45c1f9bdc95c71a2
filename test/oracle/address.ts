/** Addresses as numbers, on purpose not with the code that is tested. */
export type Family = 4 | 6;

export const WIDTH = { 4: 32n, 6: 128n } as const;

const known = new Map<string, bigint>();

export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4;
}

/** The number that an address in canonical text stands for. @throws if it is none */
export function addressNumber(text: string): bigint {
  const found = known.get(text);
  if (found !== undefined) return found;
  const groups = familyOf(text) === 4 ? text.split('.') : expand(text).split(':');
  const [count, bits, base] = familyOf(text) === 4 ? ([4, 8n, 10] as const) : ([8, 16n, 16] as const);
  const numbers = groups.map((group) => (group === '' ? Number.NaN : Number.parseInt(group, base)));
  if (numbers.length !== count || numbers.some((number) => !(number >= 0 && number < 2 ** Number(bits))))
    throw new Error(`${text} is no address`);
  const value = numbers.reduce((sum, number) => (sum << bits) | BigInt(number), 0n);
  known.set(text, value);
  return value;
}

function expand(text: string): string {
  const [head = '', tail] = text.split('::');
  if (tail === undefined) return head;
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  return [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right].join(':');
}

/** Canonical text (RFC 5952) of an address. */
export function addressText(family: Family, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const runs = [...groups.join(':').matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)];
  const longest = runs.reduce<string>((best, [run]) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const text = groups.join(':').replace(longest, '::');
  return text.replace(/:{3,}/, '::');
}

/** The prefix of this length as its first and last address. */
export function prefixBounds(family: Family, address: bigint, length: number): readonly [bigint, bigint] {
  const host = (1n << (WIDTH[family] - BigInt(length))) - 1n;
  return [address & ~host, address | host];
}

/** Bounds of a CIDR in text. */
export function cidrBounds(cidr: string): readonly [bigint, bigint] {
  const [address = '', length] = cidr.split('/');
  const family = familyOf(address);
  return prefixBounds(family, addressNumber(address), length === undefined ? Number(WIDTH[family]) : Number(length));
}

export function inCidr(address: string, cidr: string): boolean {
  if (familyOf(address) !== familyOf(cidr)) return false;
  const [first, last] = cidrBounds(cidr);
  const value = addressNumber(address);
  return first <= value && value <= last;
}
