/** A fault to put into a source: `find` stands there exactly once. */
export interface Fault {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Mistakes that somebody could make in the renderer, and that open or close what policy does not. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'rules in the wrong order',
    file: 'ruleset/program.ts',
    find: 'return rules.flatMap((rule, index) =>',
    replace: 'return rules.toReversed().flatMap((rule, index) =>',
  },
  {
    name: 'no deny at the end of a tier',
    file: 'ruleset/program.ts',
    find: "tier.defaultAction === 'Pass'",
    replace: "tier.defaultAction !== 'none'",
  },
  {
    name: 'the rules of the other direction',
    file: 'ruleset/program.ts',
    find: 'renderRules(policy[stage.direction],',
    replace: "renderRules(policy[stage.direction === 'ingress' ? 'egress' : 'ingress'],",
  },
  {
    name: 'notNets lost',
    file: 'ruleset/rule.ts',
    find: '...(notNets ? [notMatch(address, anyOf(notNets))] : []),',
    replace: '',
  },
  {
    name: 'port ranges without their last port',
    file: 'ruleset/rule.ts',
    find: 'range.from === range.to ? range.from : range)',
    replace: 'range.from === range.to ? range.from : { from: range.from, to: range.to - 1 })',
  },
  {
    name: 'ipVersion lost',
    file: 'ruleset/rule.ts',
    find: 'rule.ipVersion ? [FAMILY_MATCH[rule.ipVersion]] : []',
    replace: '[]',
  },
  {
    name: 'failsafe ports for forwarded packets',
    file: 'ruleset/host-endpoint.ts',
    find: 'tiers: endpoint.forward,',
    replace: 'failsafe: failsafeRules(direction, parameters), tiers: endpoint.forward,',
  },
  {
    name: 'Pass allows instead of going to the next tier',
    file: 'ruleset/program.ts',
    find: 'pass: () => [next.verdict()]',
    replace: 'pass: () => [ret]',
  },
  {
    name: 'profiles in the wrong order',
    file: 'ruleset/program.ts',
    find: '...(stage.profiles ?? []).map(',
    replace: '...(stage.profiles ?? []).toReversed().map(',
  },
  {
    name: 'invalid packets pass',
    file: 'ruleset/program.ts',
    find: 'if (disableInvalidCheck) return [];',
    replace: 'if (true) return [];',
  },
  {
    name: 'only the exact addresses of a set',
    file: 'ruleset/sets.ts',
    find: 'const made = names[family].map(',
    replace: 'const made = names[family].slice(0, 1).map(',
  },
  {
    name: 'untracked policy does not switch tracking off',
    file: 'ruleset/verdicts.ts',
    find: '[notrack, markAllowed(parameters), accept]',
    replace: '[markAllowed(parameters), accept]',
  },
  {
    name: 'allowed before DNAT, and judged again',
    file: 'ruleset/verdicts.ts',
    find: 'return { allow: [markAllowed(parameters), accept], deny };',
    replace: 'return { allow: [accept], deny };',
  },
  {
    name: 'unknown workload interfaces are open',
    file: 'ruleset/workload-stages.ts',
    find: 'forWorkloadInterfaces(by, policy, unknown, deny)',
    replace: '[]',
  },
  {
    name: 'what has no pre-DNAT policy of its own is not subject to the wildcard',
    file: 'ruleset/host-stages.ts',
    find: 'const concerned = { named: endpoints.named.filter(has), wildcard };',
    replace: 'const concerned = { named: endpoints.named, wildcard };',
  },
  {
    name: 'translated packets from the host judged in the output hook',
    file: 'ruleset/host-stages.ts',
    find: "{ statements: [match(ct.status, 'dnat'), accept], comment: 'judged in postrouting' },",
    replace: '',
  },
  {
    name: 'a service as source is any source',
    file: 'ruleset/rule.ts',
    find: "field === 'saddr' ? inOne(entity.service) : ALWAYS",
    replace: 'ALWAYS',
  },
  {
    name: 'a service as destination is any destination',
    file: 'ruleset/rule.ts',
    find: 'service ? [[match(key, inSet(sets.ports(service, family)))]] : ALWAYS',
    replace: 'ALWAYS',
  },
  {
    name: 'no ipNATs for what the host sends',
    file: 'ruleset/nat-stages.ts',
    find: "hookStage('nat-output', destination),",
    replace: '',
  },
  {
    name: 'ipNATs by the wrong address',
    file: 'ruleset/nat-stages.ts',
    find: 'match(addressesOf(external).daddr, external)',
    replace: 'match(addressesOf(external).saddr, external)',
  },
  {
    name: 'rules for ports go before whatever stands before them',
    file: 'ruleset/rule-groups.ts',
    find: 'if (!sameVerdict && !neverBoth) return false;',
    replace: '',
  },
  {
    name: 'rules for ports go before all of their verdict, whatever the protocol of those',
    file: 'ruleset/rule-groups.ts',
    find: `passed.set(\`\${verdict} \${protocol}\`, rule);`,
    replace: 'passed.set(String(verdict), rule);',
  },
  {
    name: 'rules of a port in the wrong order',
    file: 'ruleset/port-chains.ts',
    find: 'rules.map((rule) => portRule(rule).behindPort)',
    replace: 'rules.map((rule) => portRule(rule).behindPort).reverse()',
  },
  {
    name: 'ports with as many rules share a chain',
    file: 'ruleset/port-chains.ts',
    find: 'const text = own.map(numberOf).join();',
    replace: 'const text = String(own.length);',
  },
  {
    name: 'new ports of a changed rule are not looked at',
    file: 'ruleset/port-chains.ts',
    find: ', ...after.slice(start, after.length - end)];',
    replace: '];',
  },
  {
    name: 'a list that is remembered whatever its rules have become',
    file: 'ruleset/compiled-list.ts',
    find: 'return parts.every(({ rules }, index) => rules === known.parts[index]?.rules);',
    replace: 'return true;',
  },
  {
    name: 'a look-up before the rules that stand before it',
    file: 'ruleset/compiled-list.ts',
    find: `if (behind) {
      flush();`,
    replace: 'if (behind) {',
  },
  {
    name: 'rules for ports lost where they are too few for a look-up',
    file: 'ruleset/compiled-list.ts',
    find: 'pending.push(...(behind ? group.others : group.all));',
    replace: 'pending.push(...group.others);',
  },
  {
    name: 'ranges behind a look-up without their last port',
    file: 'ruleset/port-rule.ts',
    find: 'for (let port = from; port <= to; port++) ports.add(port);',
    replace: 'for (let port = from; port < Math.max(to, from + 1); port++) ports.add(port);',
  },
  {
    name: 'a look-up for one protocol only',
    file: 'ruleset/port-rule.ts',
    find: 'ports.map((each) => portKey(number, each))',
    replace: 'ports.map((each) => portKey(6, each))',
  },
  {
    name: 'notPorts lost behind a look-up',
    file: 'ruleset/port-rule.ts',
    find: 'statements.filter((one) => !found.by.includes(one))',
    replace: `statements.filter((one) => !found.by.some((by) => one === by || (one.kind === 'match' && one.left === by.left)))`,
  },
  {
    name: 'a segment behind what stands behind it',
    file: 'ruleset/segments.ts',
    find: `      close();
      result.push(...part.rules);`,
    replace: '      result.push(...part.rules);',
  },
];
