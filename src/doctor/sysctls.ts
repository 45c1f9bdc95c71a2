import type { Check, Finding } from './finding.js';

/** Kernel parameters that decide whether packets come to the rules at all. */
export const sysctls: Check = ({ sysctls: values, policy }) => {
  if (values.size === 0)
    return [{ result: 'unknown', message: 'no sysctl can be read', advice: 'is /proc/sys mounted?' }];
  const workloads = 'unknown' in policy ? 0 : policy.workloadEndpoints;
  return [...forwarding(values, workloads), ...reversePath(values), ...bridges(values), ...connections(values)];
};

type Values = ReadonlyMap<string, string>;
type Findings = readonly Omit<Finding, 'topic'>[];

function forwarding(values: Values, workloads: number): Findings {
  const names = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'];
  const text = names.map((name) => `${name} = ${values.get(name) ?? 'unknown'}`).join(', ');
  const off = names.filter((name) => values.get(name) === '0');
  if (workloads > 0 && off.length > 0)
    return [
      {
        result: 'warning',
        message: `there are workloads, and ${off.map((name) => `${name} = 0`).join(', ')}: the kernel forwards nothing`,
        advice: `sysctl -w ${off.map((name) => `${name}=1`).join(' ')}, and a file in /etc/sysctl.d`,
      },
    ];
  return [{ result: 'ok', message: text }];
}

/** The kernel takes the greater one of `all` and of the interface. */
function reversePath(values: Values): Findings {
  const all = values.get('net.ipv4.conf.all.rp_filter');
  if (all === undefined) return [];
  if (all === '0')
    return [
      {
        result: 'warning',
        message: 'net.ipv4.conf.all.rp_filter = 0: senders can forge IPv4 addresses of other interfaces',
        advice: 'set it to 1, or to 2 with asymmetric routes, unless each interface has a value of its own',
      },
    ];
  return [{ result: 'ok', message: `net.ipv4.conf.all.rp_filter = ${all}` }];
}

function bridges(values: Values): Findings {
  if (values.get('net.bridge.bridge-nf-call-iptables') !== '1') return [];
  return [
    {
      result: 'warning',
      message:
        'net.bridge.bridge-nf-call-iptables = 1: packets within a bridge pass the rules for forwarded packets, too',
      advice: 'mind it when policy applies on forward; Kubernetes may need it',
    },
  ];
}

function connections(values: Values): Findings {
  const [count, max] = ['net.netfilter.nf_conntrack_count', 'net.netfilter.nf_conntrack_max'].map((name) =>
    Number(values.get(name) ?? Number.NaN),
  );
  if (count === undefined || max === undefined || !(max > 0)) return [];
  const message = `${count} of at most ${max} connections are tracked`;
  if (count < 0.9 * max) return [{ result: 'ok', message }];
  return [
    { result: 'problem', message, advice: 'new connections will be dropped: raise net.netfilter.nf_conntrack_max' },
  ];
}
