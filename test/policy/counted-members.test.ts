import fc from 'fast-check';
import t from 'tap';
import { asIPv4, asText, countedMembers } from '../../src/policy/counted-members.js';
import { CountedSet } from '../../src/policy/counted-set.js';

type Step = { readonly op: 'add' | 'remove'; readonly member: string } | { readonly op: 'look' };

const member = fc.constantFrom('10.0.0.1', '10.0.0.2', '200.0.0.1', '255.255.255.255', '0.0.0.0');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constantFrom('add', 'remove'), member }),
  fc.constant({ op: 'look' } as const),
);

t.test('what has changed between any two moments is the difference of their members', async () => {
  for (const coding of [asText, asIPv4]) {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const counted = countedMembers(coding);
        const expected = new Map<string, number>();
        const moments: { members: ReturnType<typeof counted.current>; expected: readonly string[] }[] = [];
        for (const each of steps) {
          if (each.op === 'look') {
            moments.push({ members: counted.current(), expected: [...expected.keys()].sort() });
            continue;
          }
          const users = expected.get(each.member) ?? 0;
          if (each.op === 'add') {
            counted.add(each.member);
            expected.set(each.member, users + 1);
          } else if (users > 0) {
            counted.remove(each.member);
            if (users === 1) expected.delete(each.member);
            else expected.set(each.member, users - 1);
          }
        }
        moments.forEach(({ members, expected: now }, index) => {
          same([...members].sort(), now, 'members of a moment');
          same(members.size, now.length, 'size');
          same(
            now.filter((text) => !members.has(text)),
            [],
            'has',
          );
          for (const { members: earlier, expected: before } of moments.slice(0, index)) {
            const changes = members.changesSince(earlier);
            same(
              changes?.added.toSorted(),
              now.filter((text) => !before.includes(text)),
              'added',
            );
            same(
              changes?.removed.toSorted(),
              before.filter((text) => !now.includes(text)),
              'removed',
            );
            if (earlier !== members) same(earlier.changesSince(members), undefined, 'backwards');
          }
        });
      }),
      { numRuns: 500 },
    );
  }
});

function same(actual: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

t.test('IPv4 addresses come in their order', async (t) => {
  const counted = countedMembers(asIPv4);
  const addresses = ['0.0.0.0', '9.255.0.1', '10.0.0.1', '127.255.255.255', '128.0.0.0', '255.255.255.255'];
  for (const address of addresses.toReversed()) counted.add(address);
  t.strictSame([...counted.current()], addresses);
  const many = countedMembers(asIPv4);
  const numbers = Array.from({ length: 20_000 }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 0);
  for (const number of numbers) many.add(asIPv4.text(number));
  const inOrder = numbers.sort((a, b) => a - b).map((number) => asIPv4.text(number));
  t.strictSame([...many.current()], inOrder, 'many, too');
});

t.test('members by family and length', async (t) => {
  const set = new CountedSet({ id: 's', kind: 'net', description: '' });
  const members = ['10.0.0.0/8', '10.0.0.1/32', 'fd00::/8', 'fd00::1/128'];
  for (const one of members) set.add(one);
  set.add('10.0.0.1/32');
  t.strictSame([...set.members].sort(), members);
  t.strictSame(
    set.groups.map((group) => [group.family, group.length, [...group.members]]),
    [
      [4, 8, ['10.0.0.0']],
      [4, 32, ['10.0.0.1']],
      [6, 8, ['fd00::']],
      [6, 128, ['fd00::1']],
    ],
  );
  t.equal(set.version, 4);
  set.remove('10.0.0.1/32');
  t.equal(set.version, 4, 'it is still there once');
  set.remove('10.0.0.1/32');
  set.remove('10.0.0.2/32');
  t.strictSame([set.version, set.members.size, set.members.has('10.0.0.1/32'), set.groups.length], [5, 3, false, 3]);
  const ports = new CountedSet({ id: 'p', kind: 'ip,port', description: '' });
  for (const one of ['10.0.0.1,6:80', 'fd00::1,17:53']) ports.add(one);
  t.strictSame(
    ports.groups.map((group) => [group.family, [...group.members]]),
    [
      [4, ['10.0.0.1,6:80']],
      [6, ['fd00::1,17:53']],
    ],
  );
});
