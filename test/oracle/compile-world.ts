import type { Table } from '../../src/nft/objects.js';
import { policyCalculator } from '../../src/policy/calculator.js';
import type { HostPolicy } from '../../src/policy/host-policy.js';
import { derivedKindOf, type Resource } from '../../src/resources/kinds.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { initialTiers } from '../../src/resources/tier.js';
import { type RenderOptions, renderTable } from '../../src/ruleset/render.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { INTERFACES, NODE } from './topology.js';
import type { World } from './world.js';
import { type Fields, optional } from './world-rules.js';

/** What a world means for the node, and its ruleset. */
export interface CompiledWorld {
  readonly policy: HostPolicy;
  readonly table: Table;
  /** The same with all rules in their order. */
  readonly plain: Table;
}

/** A resource of a world that is not valid: the generator is wrong, or the validation. */
export class InvalidWorld extends Error {}

/**
 * From resources to the ruleset, by the same way as the agent. In every third world the policies change first: what is remembered
 * about them must not be taken for what they are. @throws InvalidWorld
 */
export function compileWorld(world: World): CompiledWorld {
  const calculator = policyCalculator({
    node: NODE,
    environment: {},
    builtinProfiles: [defaultAllowProfile],
    initialTiers,
  });
  calculator.setInterfaces(new Map(INTERFACES.map((each) => [each.name, each])));
  const options = SHAPES[world.seed % SHAPES.length] ?? {};
  const take = (value: Fields) => calculator.upsert(parsed(value));
  if (world.seed % 3 === 0) {
    for (const value of world.resources) take(withoutLastRules(value));
    renderTable(calculator.calculate().hostPolicy, options);
  }
  for (const value of world.resources) take(value);
  const { hostPolicy } = calculator.calculate();
  const table = renderTable(hostPolicy, options);
  return { policy: hostPolicy, table, plain: renderTable(hostPolicy, { lookupFrom: Number.POSITIVE_INFINITY }) };
}

/** As usual; the lists of random worlds are short, and rules in them may come out often. */
const SHAPES: readonly RenderOptions[] = [
  {},
  { lookupFrom: 1, mostGrowth: Number.POSITIVE_INFINITY },
  { lookupFrom: 2, mostGrowth: Number.POSITIVE_INFINITY },
  { lookupFrom: 3, mostGrowth: 1 },
];

function parsed(value: Fields): Resource {
  const defaults = derivedKindOf(String(value.kind)) ? 'none' : 'client';
  const { parsed } = parseResource(value, { unknownFields: 'error', defaults, checkSelector });
  if (!parsed.valid) throw new InvalidWorld(`${JSON.stringify(value)}: ${JSON.stringify(parsed.issues)}`);
  return parsed.resource;
}

function withoutLastRules(value: Fields): Fields {
  const { ingress, egress } = value.spec as { ingress?: Fields[]; egress?: Fields[] };
  const shorter = { ...optional('ingress', ingress?.slice(0, -1)), ...optional('egress', egress?.slice(0, -1)) };
  return { ...value, spec: { ...(value.spec as Fields), ...shorter } };
}
