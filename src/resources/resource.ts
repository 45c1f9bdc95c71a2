import type { Resource } from './kinds.js';

export interface ObjectKey {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** `spec.ingress[0].action` as ['spec', 'ingress', 0, 'action']. */
export type Path = readonly (string | number)[];

/** What is wrong with an object, for machines; `message` is for people and complete without the rest. */
export interface Issue {
  readonly path: string;
  /** Stable, in kebab case: the id of the rule of Calico's validation where there is one (`V-RULE-1`), else a word. */
  readonly code: string;
  readonly message: string;
  readonly line?: number;
}

export type Parsed =
  | { readonly valid: true; readonly resource: Resource; readonly warnings: readonly Issue[] }
  | { readonly valid: false; readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] };

/** One text per key, for maps. Joined: what is interpolated V8 keeps in parts, twice the size. */
export function keyText({ kind, namespace = '', name }: ObjectKey): string {
  return [kind, namespace, name].join('/');
}
