import type { ForeignChain } from './finding.js';

/** A program that makes chains of its own, and what it does to packets that Margay accepts. */
export interface FirewallOwner {
  readonly name: string;
  readonly owns: (chain: ForeignChain) => boolean;
  /** What its chains drop although Margay has accepted it; undefined: nothing that matters. */
  readonly drops?: string;
  readonly advice?: string;
  /** Two that enforce the same policy. */
  readonly conflicts?: true;
}

/** Those that are known by the names of their tables and chains. The first that owns a chain counts. */
export const firewallOwners: readonly FirewallOwner[] = [
  {
    name: 'Calico (Felix)',
    owns: ({ table, name }) => /^cali/.test(table) || /^cali-/.test(name),
    drops: 'what the policies say, as it sees them',
    advice: 'one agent on a node: stop calico-node, and remove its rules',
    conflicts: true,
  },
  {
    name: 'firewalld',
    owns: ({ table }) => table === 'firewalld',
    drops: 'whatever the zones of its interfaces do not allow',
    advice: 'allow it in firewalld, too, or: systemctl disable --now firewalld',
  },
  {
    name: 'ufw',
    owns: ({ name }) => /^ufw6?-/.test(name),
    drops: 'whatever it was not told to allow',
    advice: 'allow it in ufw, too, or: ufw disable',
  },
  {
    name: 'Docker',
    owns: ({ table, name }) => /^docker/.test(table) || /^DOCKER/.test(name),
    drops: 'forwarded packets that are not of its networks',
    advice: 'accept what is forwarded for workloads in the chain DOCKER-USER',
  },
  {
    name: 'kube-proxy',
    owns: ({ table, name }) => table === 'kube-proxy' || /^KUBE-/.test(name),
  },
  {
    name: 'Tailscale',
    owns: ({ name }) => /^ts-(input|forward|postrouting)/.test(name),
    drops: 'packets from 100.64.0.0/10 that do not come over tailscale0',
    advice: 'nothing, unless you use these addresses elsewhere',
  },
  {
    name: 'libvirt',
    owns: ({ table, name }) => /^libvirt/.test(table) || /^LIBVIRT_/.test(name),
    drops: 'new connections to its guests behind NAT',
    advice: 'nothing, unless guests are to be reached from outside',
  },
  { name: 'fail2ban', owns: ({ table, name }) => /^f2b/.test(table) || /^f2b-/.test(name) },
];
