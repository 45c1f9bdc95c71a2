import type { Table } from '../../src/nft/objects.js';
import { policyCalculator } from '../../src/policy/calculator.js';
import type { HostPolicy } from '../../src/policy/host-policy.js';
import { derivedKindOf } from '../../src/resources/kinds.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { initialTiers } from '../../src/resources/tier.js';
import { renderTable } from '../../src/ruleset/render.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { INTERFACES, NODE } from './topology.js';
import type { World } from './world.js';

/** What a world means for the node, and its ruleset. */
export interface CompiledWorld {
  readonly policy: HostPolicy;
  readonly table: Table;
  /** The same with all rules in their order. */
  readonly plain: Table;
}

/** A resource of a world that is not valid: the generator is wrong, or the validation. */
export class InvalidWorld extends Error {}

/** From resources to the ruleset, by the same way as the agent. @throws InvalidWorld */
export function compileWorld(world: World): CompiledWorld {
  const calculator = policyCalculator({
    node: NODE,
    environment: {},
    builtinProfiles: [defaultAllowProfile],
    initialTiers,
  });
  calculator.setInterfaces(new Map(INTERFACES.map((each) => [each.name, each])));
  for (const value of world.resources) {
    const defaults = derivedKindOf(String(value.kind)) ? 'none' : 'client';
    const { parsed } = parseResource(value, { unknownFields: 'error', defaults, checkSelector });
    if (!parsed.valid) throw new InvalidWorld(`${JSON.stringify(value)}: ${JSON.stringify(parsed.issues)}`);
    calculator.upsert(parsed.resource);
  }
  const { hostPolicy } = calculator.calculate();
  // The lists of random worlds are short.
  const table = renderTable(hostPolicy, { lookupFrom: 1 + (world.seed % 3), mostGrowth: Number.POSITIVE_INFINITY });
  return { policy: hostPolicy, table, plain: renderTable(hostPolicy, { lookupFrom: Number.POSITIVE_INFINITY }) };
}
