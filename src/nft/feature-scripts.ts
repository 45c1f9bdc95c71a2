const table = (lines: readonly string[]): string => `table inet margay-doctor {\n${lines.join('\n')}\n}\n`;
const rule = (text: string): string =>
  table(['chain c {', 'type filter hook input priority 0; policy accept;', text, '}']);

/** What rulesets of Margay need, each as a script that `nft --check` takes where it is there. Nothing is changed by that. */
export const featureScripts: Readonly<Record<string, string>> = {
  'connection tracking': rule('ct state established,related accept'),
  'sets of pairs': table(['set s {', 'type ifname . ipv4_addr', '}']),
  'verdict maps': table(['map m {', 'type ifname : verdict', '}']),
  limits: rule('limit rate 10/second burst 5 packets accept'),
  'connection limits': rule('ct count over 10 drop'),
  logs: rule('log prefix "margay"'),
  rejects: rule('reject'),
  'untracked packets': table(['chain c {', 'type filter hook prerouting priority raw; policy accept;', 'notrack', '}']),
  NAT: table(['chain c {', 'type nat hook prerouting priority dstnat; policy accept;', 'dnat ip to 192.0.2.1', '}']),
};
