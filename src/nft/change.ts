import type { Chain, DataType, NamedSet, Origin, Rule, Table, Value, Verdict, VerdictMap } from './objects.js';
import type { OtherKind } from './other-objects.js';

/** One step of a transaction on table `inet TABLE`. */
export type Change = { readonly table: string } & (
  | TableChange
  | ChainChange
  | RuleChange
  | SetChange
  | ElementChange
  | { readonly op: 'delete'; readonly object: OtherKind; readonly name: string }
);

export type TableChange =
  /** Deletes the table if there is one, and makes this one. */
  | { readonly op: 'replace'; readonly object: 'table'; readonly content: Table }
  /** Not an error if there is none. */
  | { readonly op: 'delete'; readonly object: 'table' };

export type ChainChange =
  /** Without its rules. */
  | { readonly op: 'add'; readonly object: 'chain'; readonly chain: Chain }
  | { readonly op: 'flush' | 'delete'; readonly object: 'chain'; readonly name: string };

/** At the end of the chain. */
export type RuleChange = { readonly op: 'add'; readonly object: 'rule'; readonly chain: string; readonly rule: Rule };

export type SetChange =
  /** Without its elements. */
  | { readonly op: 'add'; readonly object: 'set'; readonly set: NamedSet }
  | { readonly op: 'add'; readonly object: 'map'; readonly map: VerdictMap }
  | { readonly op: 'flush' | 'delete'; readonly object: 'set' | 'map'; readonly name: string };

export type ElementChange =
  | ({ readonly op: 'add'; readonly object: 'mapElement'; readonly elements: readonly MapElement[] } & ElementOwner)
  | ({ readonly op: 'add'; readonly object: 'setElement'; readonly elements: readonly Value[] } & ElementOwner)
  /** From sets and maps alike. */
  | ({ readonly op: 'delete'; readonly object: 'element'; readonly elements: readonly Value[] } & ElementOwner);

export type MapElement = readonly [Value, Verdict];

interface ElementOwner {
  readonly name: string;
  readonly type: readonly DataType[];
  readonly origin?: Origin;
}
