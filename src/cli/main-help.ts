/** What `margay --help` says after the commands. */
export const mainHelp = `
Examples:
  margay check policies/                     are these resources valid?
  margay render --datastore file:policies/   which rules would this node have?
  margay explain --from 10.0.0.9 --to 10.0.0.1:22 --proto tcp
                                             may this packet pass, and which rule says so?
  margay run --datastore file:policies/      enforce them, and each change of them
  margay get gnp --datastore file:policies/  which policies are there? (describe, apply, patch, delete: as calicoctl)

Exit statuses:
  0  good          1  no: invalid, denied, not ready, refused
  2  usage error   3  no daemon (status)

Settings come from options, then variables MARGAY_* (MARGAY_LOG_LEVEL is --log-level), then /etc/margay/margay.yaml
(log-level: debug), then defaults; \`margay help run\` lists them. What decides about packets is Calico's: FELIX_* in the
environment, then the FelixConfigurations node.NAME and default.`;
