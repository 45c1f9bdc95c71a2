import type { Chain, Rule, Table, Verdict } from '../../src/nft/objects.js';
import { ruleSyntax } from '../../src/nft/print-rule.js';
import { renderTable } from '../../src/ruleset/render.js';
import { calculate } from '../policy/from-yaml.js';

/** Rules as nft's syntax, without comments. */
export function syntax(rules: readonly Rule[]): string[] {
  return rules.map(({ statements }) => ruleSyntax({ statements }));
}

/** A table that can be asked for what a packet meets. Content-made parts of chain names are left out of texts: `goto host-ingress`. */
export interface ShownTable {
  readonly table: Table;
  /** The rules of a chain by its full name, else by what is before the hash if there is one such chain only. */
  chain(name: string): string[];
  /** The rules where a map leads to from an interface; undefined if it has no such element. */
  from(map: string, interfaceName: string): string[] | undefined;
  /** Names of base chains, in the order of their priorities within hooks. */
  readonly stages: readonly string[];
  comments(name: string): (string | undefined)[];
}

export function showTable(table: Table): ShownTable {
  const byName = new Map(table.chains.map((chain) => [chain.name, chain]));
  const find = (name: string): Chain => {
    const exact = byName.get(name);
    if (exact) return exact;
    const [chain, ...more] = table.chains.filter((one) => withoutHash(one.name) === name);
    if (!chain || more.length > 0) throw new Error(`${chain ? 'several' : 'no'} chains ${name}: ${[...byName.keys()]}`);
    return chain;
  };
  const show = (chain: Chain) => syntax(chain.rules).map(withoutHashes);
  return {
    table,
    chain: (name) => show(find(name)),
    comments: (name) => find(name).rules.map(({ comment }) => comment),
    from(map, interfaceName) {
      const verdict = verdictOf(table, map, interfaceName);
      return verdict && 'chain' in verdict ? show(find(verdict.chain)) : undefined;
    },
    stages: table.chains.flatMap(({ name, base }) => (base ? [name] : [])).sort(),
  };
}

export function verdictOf(table: Table, map: string, interfaceName: string): Verdict | undefined {
  const elements = table.maps.find(({ name }) => name === map)?.elements ?? [];
  return elements.find(([key]) => key === interfaceName)?.[1];
}

/** The table of what YAML resources mean on node n1. */
export function tableOf(yaml: string, options?: Parameters<typeof calculate>[1]): ShownTable {
  return showTable(renderTable(calculate(yaml, options).hostPolicy));
}

function withoutHash(name: string): string {
  return name.replace(/-[0-9a-f]{12}$/, '');
}

function withoutHashes(text: string): string {
  return text.replace(/\b(goto|jump) (\S+)-[0-9a-f]{12}\b/g, '$1 $2').replace(/@s-[0-9a-f]{16}/g, '@s');
}
