import { bootRuleset } from './boot-ruleset.js';
import { clock } from './clock.js';
import type { Check, Facts, Finding } from './finding.js';
import { kernel } from './kernel.js';
import { otherFirewalls } from './other-firewalls.js';
import { permissions } from './permissions.js';
import { service } from './service.js';
import { sshFailsafe } from './ssh-failsafe.js';
import { sysctls } from './sysctls.js';

/** Every topic, in the order of the report. */
export const topics: Readonly<Record<string, Check>> = {
  permissions,
  kernel,
  service,
  boot: bootRuleset,
  ssh: sshFailsafe,
  firewalls: otherFirewalls,
  sysctls,
  clock,
};

/** What there is to say about a host. */
export function diagnose(facts: Facts): Finding[] {
  return Object.entries(topics).flatMap(([topic, check]) => check(facts).map((finding) => ({ topic, ...finding })));
}
