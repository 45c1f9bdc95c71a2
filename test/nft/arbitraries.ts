import fc from 'fast-check';
import {
  accept,
  anyOf,
  concat,
  counter,
  ct,
  drop,
  goto,
  icmp,
  icmpv6,
  inSet,
  ip,
  ip6,
  jump,
  limit,
  log,
  masked,
  match,
  meta,
  notMatch,
  notrack,
  reject,
  ret,
  setMark,
  th,
  vmap,
  vmapNamed,
} from '../../src/nft/expressions.js';
import type {
  BaseChain,
  Chain,
  DataType,
  Expression,
  NamedSet,
  Operand,
  Prefix,
  Rule,
  Statement,
  Table,
  Value,
  Verdict,
  VerdictMap,
} from '../../src/nft/objects.js';

/** Random tables that nft loads, with everything in them that the printer can print. */

export const interfaceName = fc
  .oneof(
    fc.constantFrom(
      'eth0',
      'cali12',
      '1e',
      'a b',
      'x*',
      'a;b}',
      '{ $x',
      '#c',
      "it's",
      'é€',
      '-',
      'a\\b',
      'drop',
      '0',
      '@x',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 15 }),
  )
  .filter((name) => new TextEncoder().encode(name).length <= 14 && !/["\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|\\.*\*$/u.test(name));

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6().map((text) => text.replace(/^$/, '::'));

function prefix4(seed: number, length: number): Prefix {
  const number = length === 0 ? 0 : (seed >>> (32 - length)) * 2 ** (32 - length);
  return { address: [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.'), length };
}

function prefix6(groups: readonly number[], length: number): Prefix {
  const address = groups.map((group, index) => {
    const bits = Math.min(16, Math.max(0, length - index * 16));
    return (group & (0xffff << (16 - bits)) & 0xffff).toString(16);
  });
  return { address: address.join(':'), length };
}

const net4 = fc.tuple(fc.nat(0xffffffff), fc.nat(32)).map(([seed, length]) => prefix4(seed, length));
const net6 = fc
  .tuple(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(128))
  .map(([groups, length]) => prefix6(groups, length));
// Close to each other, so that they overlap and touch.
const nearNet4 = fc
  .tuple(fc.nat(0xff), fc.integer({ min: 24, max: 32 }))
  .map(([low, length]) => prefix4(0x0a000000 + low, length));

const port = fc.oneof(fc.nat(0xffff), fc.nat(20));
const portRange = fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const byte = fc.nat(0xff);
const mark = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0x10000, 0xffffffff));
const protocol = fc.oneof(fc.constantFrom(1, 6, 17, 58, 132, 136, 4, 255, 0), byte);
const some = <T>(values: fc.Arbitrary<T>) => fc.array(values, { minLength: 1, maxLength: 6 });

const compare = fc.constantFrom(match, notMatch);
function compared(left: Expression, values: fc.Arbitrary<Value>): fc.Arbitrary<Statement> {
  return fc
    .tuple(compare, fc.oneof(values, some(values).map(anyOf)))
    .map(([how, right]) => how(left, right as Operand));
}

const literalName = interfaceName;
const anonymousName = fc.oneof(
  interfaceName.filter((name) => !name.endsWith('*')),
  fc.constantFrom('cali', 'tap', 'x').map((startsWith) => ({ startsWith })),
);
const states = fc.subarray(['invalid', 'established', 'related', 'new', 'untracked'], { minLength: 1 });
const statuses = fc.subarray(['expected', 'seen-reply', 'assured', 'confirmed', 'snat', 'dnat', 'dying'], {
  minLength: 1,
});

const mark32 = mark.chain((mask) =>
  fc.tuple(compare, mark).map(([how, value]) => how(masked(meta.mark, mask), (value & mask) >>> 0)),
);

/** Matches that fit any packet. */
const general: fc.Arbitrary<Statement> = fc.oneof(
  compared(meta.iifname, anonymousName),
  compared(
    meta.oifname,
    literalName.filter((name) => !name.endsWith('*')),
  ),
  fc.tuple(compare, literalName).map(([how, name]) => how(meta.iifname, name)),
  compared(meta.mark, fc.oneof(mark, portRange)),
  mark32,
  fc.tuple(compare, states).map(([how, words]) => how(ct.state, anyOf(words))),
  fc.tuple(compare, statuses).map(([how, words]) => how(ct.status, anyOf(words))),
  compare.map((how) => how(meta.iif, 0)),
  fc.constant(counter),
  fc
    .tuple(
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.constantFrom('second', 'minute', 'hour', 'day'),
      fc.integer({ min: 1, max: 99 }),
    )
    .map(([rate, per, burst]) => limit(rate, per as 'second', burst)),
  fc.string({ unit: 'grapheme', maxLength: 150 }).map(log),
  fc.tuple(mark, mark).map(([and, or]) => setMark(and, or)),
);

type Family = 'none' | 'ip' | 'ip6';

function familyMatches(family: Family): fc.Arbitrary<Statement> {
  if (family === 'none') return general;
  const nfproto = fc.constant(match(meta.nfproto, family === 'ip' ? 'ipv4' : 'ipv6'));
  if (family === 'ip') {
    return fc.oneof(
      nfproto,
      compared(ip.saddr, fc.oneof(ipv4, net4, nearNet4)),
      compared(ip.daddr, nearNet4),
      maskedMatch(ip.daddr, 4),
    );
  }
  return fc.oneof(
    nfproto,
    compared(ip6.saddr, fc.oneof(ipv6, net6)),
    compared(ip6.hoplimit, byte),
    maskedMatch(ip6.daddr, 6),
  );
}

function maskedMatch(address: Expression, family: 4 | 6): fc.Arbitrary<Statement> {
  if (family === 4) {
    return fc.tuple(compare, fc.nat(32), some(fc.nat(0xffffffff))).map(([how, length, seeds]) => {
      const mask = prefix4(0xffffffff, length).address;
      return how(masked(address, mask), anyOf(seeds.map((seed) => prefix4(seed, length).address)));
    });
  }
  return fc.tuple(compare, fc.nat(128), net6).map(([how, length, net]) => {
    const mask = prefix6(Array(8).fill(0xffff), length).address;
    const value = prefix6(
      net.address.split(':').map((group) => Number.parseInt(group, 16)),
      Math.min(length, net.length),
    );
    return how(masked(address, mask), value.address);
  });
}

const transport: fc.Arbitrary<readonly Statement[]> = fc.oneof(
  fc
    .tuple(fc.constantFrom(6, 17, 132, 136, 33), compared(th.dport, fc.oneof(port, portRange)))
    .map(([proto, ports]) => [match(meta.l4proto, proto), ports]),
  fc.tuple(fc.constant(match(meta.l4proto, anyOf([{ from: 6, to: 17 }, 132]))), compared(th.sport, portRange)),
  fc
    .tuple(
      compare,
      some(
        fc.tuple(
          protocol,
          fc.oneof(
            port,
            port.map((from) => ({ from, to: from })),
          ),
        ),
      ),
    )
    .map(([how, tuples]) => [how(concat(meta.l4proto, th.dport), anyOf(tuples))]),
);

function icmpMatches(family: Family): fc.Arbitrary<readonly Statement[]> {
  if (family === 'none') return fc.constant([]);
  const header = family === 'ip' ? icmp : icmpv6;
  return fc.oneof(
    compared(
      header.type,
      fc.oneof(
        byte,
        fc.tuple(byte, byte).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })),
      ),
    ).map((each) => [each]),
    compared(header.code, byte).map((each) => [match(meta.l4proto, family === 'ip' ? 1 : 58), each]),
    fc
      .tuple(compare, some(fc.tuple(byte, byte)))
      .map(([how, tuples]) => [how(concat(header.type, header.code), anyOf(tuples))]),
  );
}

function verdict(chains: readonly string[]): fc.Arbitrary<Verdict> {
  const plain = fc.constantFrom(accept, drop, ret);
  return chains.length === 0
    ? plain
    : fc.oneof(
        plain,
        fc.constantFrom(...chains).chain((name) => fc.constantFrom(jump(name), goto(name))),
      );
}

function uniqueKeys(elements: readonly (readonly [Value, Verdict])[]) {
  return [...new Map(elements.map((element) => [JSON.stringify(element[0]), element])).values()];
}

function inlineMap(chains: readonly string[]): fc.Arbitrary<Statement> {
  const elements = (values: fc.Arbitrary<Value>) => some(fc.tuple(values, verdict(chains))).map(uniqueKeys);
  return fc.oneof(
    elements(port).map((list) => vmap(th.dport, list)),
    elements(port.map((from) => ({ from: from - (from % 8), to: from - (from % 8) + 7 }))).map((list) =>
      vmap(th.dport, list),
    ),
    elements(fc.tuple(protocol, port)).map((list) => vmap(concat(meta.l4proto, th.dport), list)),
    elements(fc.constantFrom('established', 'related', 'new', 'invalid', 'untracked')).map((list) =>
      vmap(ct.state, list),
    ),
    elements(fc.constantFrom('ipv4', 'ipv6')).map((list) => vmap(meta.nfproto, list)),
    elements(anonymousName.filter((name) => typeof name !== 'string' || !/^(cali|tap|x)/.test(name))).map((list) =>
      vmap(meta.iifname, list),
    ),
  );
}

function lookup(sets: readonly NamedSet[], maps: readonly VerdictMap[]): fc.Arbitrary<Statement> {
  const statements = [
    ...sets.map((set) => match(keyOf(set.type), inSet(set.name))),
    ...sets.map((set) => notMatch(keyOf(set.type), inSet(set.name))),
    ...maps.map((map) => vmapNamed(keyOf(map.type), map.name)),
  ];
  return statements.length === 0 ? fc.constant(counter) : fc.constantFrom(...statements);
}

const KEYS: Record<DataType, Expression> = {
  ipv4_addr: ip.saddr,
  ipv6_addr: ip6.saddr,
  ifname: meta.iifname,
  inet_proto: meta.l4proto,
  inet_service: th.dport,
  mark: meta.mark,
};

function keyOf(type: readonly DataType[]): Expression {
  const parts = type.map((each) => KEYS[each]);
  const [only] = parts;
  return parts.length === 1 && only ? only : concat(...parts);
}

function familyOf(type: readonly DataType[]): Family {
  if (type.includes('ipv4_addr')) return 'ip';
  return type.includes('ipv6_addr') ? 'ip6' : 'none';
}

const comment = fc.option(
  fc.oneof(
    fc.constantFrom('a "b" # $c; }', 'é'.repeat(100), '*', '\\*'),
    fc.string({ unit: 'grapheme', maxLength: 150 }),
  ),
  {
    nil: undefined,
  },
);

function rule(chains: readonly string[], sets: readonly NamedSet[], maps: readonly VerdictMap[]): fc.Arbitrary<Rule> {
  const family = fc.constantFrom<Family>('none', 'ip', 'ip6');
  return family.chain((chosen) => {
    const fitting = (type: readonly DataType[]) => familyOf(type) === 'none' || familyOf(type) === chosen;
    const end: fc.Arbitrary<readonly Statement[]> = fc.oneof(
      verdict(chains).map((each) => [each]),
      inlineMap(chains).map((each) => [each]),
      fc.constant([reject]),
      fc.constant([notrack]),
      fc.constant([counter]),
    );
    const body = fc.tuple(
      fc.array(fc.oneof(general, familyMatches(chosen)), { maxLength: 3 }),
      fc.option(fc.oneof(transport, icmpMatches(chosen)), { nil: [] }),
      fc.option(
        lookup(
          sets.filter(({ type }) => fitting(type)),
          maps.filter(({ type }) => fitting(type)),
        ),
        { nil: undefined },
      ),
      end,
      comment,
    );
    return body.map(([matches, protocols, lookedUp, last, text]) => {
      // A map look-up is no verdict, so anything may come after it. nft 1.0.6 lists ports after an ICMP header as its checksum.
      const icmpHeader = JSON.stringify(protocols).includes('icmp');
      const statements = [...matches, ...protocols, ...(lookedUp ? [lookedUp] : []), ...last].filter(
        (statement) => !icmpHeader || !JSON.stringify(statement).includes('"th"'),
      );
      if (statements.length === 0) return { statements: [accept] };
      return text === undefined ? { statements } : { statements, comment: text };
    });
  });
}

const VALUES: Record<DataType, fc.Arbitrary<Value>> = {
  ipv4_addr: ipv4,
  ipv6_addr: ipv6,
  ifname: literalName,
  inet_proto: protocol,
  inet_service: port,
  mark,
};

const setType: fc.Arbitrary<readonly DataType[]> = fc.constantFrom<readonly DataType[]>(
  ['ipv4_addr'],
  ['ipv6_addr'],
  ['ifname'],
  ['inet_service'],
  ['mark'],
  ['inet_proto'],
  ['ifname', 'ipv4_addr'],
  ['ipv4_addr', 'inet_proto', 'inet_service'],
  ['ipv6_addr', 'inet_proto', 'inet_service'],
);

function elementOf(type: readonly DataType[]): fc.Arbitrary<Value> {
  const [only] = type;
  return type.length === 1 && only ? VALUES[only] : fc.tuple(...type.map((each) => VALUES[each]));
}

function namedSet(name: string): fc.Arbitrary<NamedSet> {
  const hash = setType.chain((type) =>
    fc
      .tuple(fc.array(elementOf(type), { maxLength: 8 }), comment)
      .map(([elements, text]) => ({ name, type, elements, ...(text ? { comment: text } : {}) })),
  );
  const nets4 = fc.uniqueArray(fc.nat(0xff), { maxLength: 8 }).map(
    (blocks): NamedSet => ({
      name,
      type: ['ipv4_addr'],
      interval: true,
      // Disjoint, since each has its own /24; many touch.
      elements: blocks.map((block) => prefix4(0x0a000000 + block * 256 + (block % 7) * 32, 24 + (block % 9))),
    }),
  );
  const ports = fc.uniqueArray(fc.nat(0xff), { maxLength: 8 }).map(
    (blocks): NamedSet => ({
      name,
      type: ['inet_service'],
      interval: true,
      elements: blocks.map((block) =>
        block % 3 === 0 ? block * 256 : { from: block * 256 + (block % 5), to: block * 256 + 255 },
      ),
    }),
  );
  const interfaces = fc.uniqueArray(fc.nat(0xff), { maxLength: 8 }).map(
    (blocks): NamedSet => ({
      name,
      type: ['ifname', 'ipv4_addr'],
      interval: true,
      elements: blocks.map((block) => [`cali${block % 5}`, prefix4(0x0a000000 + block * 256, 25 + (block % 8))]),
    }),
  );
  return fc.oneof(hash, hash, nets4, ports, interfaces);
}

function verdictMap(name: string, chains: readonly string[]): fc.Arbitrary<VerdictMap> {
  return setType.chain((type) =>
    fc
      .array(fc.tuple(elementOf(type), verdict(chains)), { maxLength: 6 })
      .map((elements) => ({ name, type, elements: canonicalKeys(elements) })),
  );
}

/** Two texts of one IPv6 address would be one key with two verdicts. */
function canonicalKeys(elements: readonly (readonly [Value, Verdict])[]) {
  return uniqueKeys(elements.map(([key, verdict]) => [key, verdict] as const)).slice(0, 6);
}

const base: fc.Arbitrary<BaseChain> = fc.record({
  type: fc.constant('filter' as const),
  hook: fc.constantFrom('prerouting' as const, 'input' as const, 'forward' as const, 'output' as const),
  priority: fc.integer({ min: -400, max: 400 }),
});

const CHAINS = ['alpha', 'beta', 'gamma-1', 'delta_2', 'epsilon.3'];

/** A chain refers to later ones only, maps to the last two, and those two to no maps: no loops. */
export const table: fc.Arbitrary<Table> = fc
  .tuple(
    fc.subarray(CHAINS),
    fc.subarray(['set-1', 'set-2', 'set-3']),
    fc.subarray(['map-1', 'map-2']),
    fc.subarray(['hook-a', 'hook-b']),
  )
  .chain(([chains, setNames, mapNames, hooks]) => {
    const targets = chains.slice(-2);
    return fc
      .tuple(fc.tuple(...setNames.map(namedSet)), fc.tuple(...mapNames.map((name) => verdictMap(name, targets))))
      .chain(([sets, maps]) => {
        const regular = chains.map((name, index): fc.Arbitrary<Chain> => {
          const usable = targets.includes(name) ? [] : maps;
          return chainOf(name, undefined, rule(chains.slice(index + 1), sets, usable));
        });
        const hooked = hooks.map((name) => base.chain((each) => chainOf(name, each, rule(chains, sets, maps))));
        return fc.tuple(...regular, ...hooked).map((all): Table => ({ name: 'margay', chains: all, sets, maps }));
      });
  });

function chainOf(name: string, hook: BaseChain | undefined, rules: fc.Arbitrary<Rule>): fc.Arbitrary<Chain> {
  return fc.tuple(fc.array(rules, { maxLength: 4 }), comment).map(([list, text]) => ({
    name,
    rules: list,
    ...(hook ? { base: hook } : {}),
    ...(text ? { comment: text } : {}),
  }));
}
