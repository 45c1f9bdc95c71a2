import { derivedKindOf } from '../../src/resources/kinds.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { INTERFACES, NODE } from '../oracle/topology.js';
import { randomWorld } from '../oracle/world.js';
import type { Scenario } from './scenario.js';

/** A world of the oracles, of which no script is expected. */
export function randomScenario(seed: number): Scenario {
  const objects = randomWorld(seed).resources.map((value, index) => {
    const defaults = derivedKindOf(String(value.kind)) ? 'none' : 'client';
    const { key, parsed } = parseResource(value, { unknownFields: 'error', defaults, checkSelector });
    if (key === undefined) throw new Error(JSON.stringify(parsed));
    return { key, line: index + 1, parsed };
  });
  return {
    name: `world ${seed}`,
    node: NODE,
    interfaces: new Map(INTERFACES.map((each) => [each.name, each])),
    objects,
    expected: undefined,
    accept: () => undefined,
  };
}
