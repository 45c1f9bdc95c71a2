import type { Check, Finding, ForeignChain } from './finding.js';
import { type FirewallOwner, firewallOwners } from './firewall-owners.js';

type Findings = readonly Omit<Finding, 'topic'>[];

const isOurs = ({ family, table }: ForeignChain) => family === 'inet' && table === 'margay';

/**
 * Who else decides about packets. An accept ends the base chain that it is in and no other one: what Margay accepts is still
 * dropped by whoever drops it.
 */
export const otherFirewalls: Check = ({ chains, legacyTables }) => {
  if (chains === undefined)
    return [{ result: 'unknown', message: 'the chains of others are not known', advice: 'run it as root, with nft' }];
  const others = chains.filter((chain) => !isOurs(chain));
  const owners = firewallOwners.filter((owner) => others.some((chain) => ownerOf(chain) === owner));
  const findings = [
    ...owners.flatMap((owner) => ownerFindings(owner, others)),
    ...others.flatMap((chain) => policyFindings(chain, chains, owners)),
    ...legacyFindings(legacyTables),
  ];
  return findings.length > 0 ? findings : [{ result: 'ok', message: 'nobody else has chains that drop packets' }];
};

function ownerOf(chain: ForeignChain): FirewallOwner | undefined {
  return firewallOwners.find(({ owns }) => owns(chain));
}

function ownerFindings(owner: FirewallOwner, others: readonly ForeignChain[]): Findings {
  const { name, drops, advice, conflicts } = owner;
  const tables = new Set(
    others.filter((chain) => ownerOf(chain) === owner).map(({ family, table }) => `${family} ${table}`),
  );
  const where = `${name} has chains in ${[...tables].join(', ')}`;
  if (drops === undefined) return [{ result: 'ok', message: where }];
  return [
    {
      result: conflicts ? 'problem' : 'warning',
      message: `${where}; it drops ${drops}`,
      ...(advice === undefined ? {} : { advice }),
    },
  ];
}

/** Base chains that drop what no rule of theirs accepts. */
function policyFindings(chain: ForeignChain, all: readonly ForeignChain[], owners: readonly FirewallOwner[]): Findings {
  const { family, table, name, hook, policy, prio } = chain;
  if (hook === undefined || policy !== 'drop') return [];
  // A table of iptables is shared: its base chains are those of whoever has other chains there.
  const owner =
    ownerOf(chain) ?? owners.find((each) => all.some((other) => sameTable(other, chain) && each.owns(other)));
  return [
    {
      result: 'warning',
      message: `chain ${family} ${table} ${name}${owner ? ` (${owner.name})` : ''}: hook ${hook}, priority ${prio}${orderText(chain, all)}, policy drop: what Margay accepts at ${hook} is dropped unless a rule there accepts it, too`,
      advice: `see it with: nft list chain ${family} ${table} ${name}`,
    },
  ];
}

function sameTable(one: ForeignChain, other: ForeignChain): boolean {
  return one.family === other.family && one.table === other.table;
}

function orderText({ hook, prio = 0 }: ForeignChain, all: readonly ForeignChain[]): string {
  const own = all.filter((chain) => isOurs(chain) && chain.hook === hook).map((chain) => chain.prio ?? 0);
  if (own.length === 0) return '';
  return prio < Math.min(...own) ? ' (before Margay)' : prio > Math.max(...own) ? ' (after Margay)' : ' (among Margay)';
}

function legacyFindings(tables: readonly string[]): Findings {
  if (tables.length === 0) return [];
  return [
    {
      result: 'warning',
      message: `iptables-legacy has the tables ${tables.join(', ')}, which nft does not show`,
      advice: 'see iptables-legacy-save; what it drops stays dropped',
    },
  ];
}
