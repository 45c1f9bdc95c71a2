/** What decides the place of a tier. */
export interface TierOrder {
  readonly name: string;
  /** False if only policies name it. */
  readonly exists: boolean;
  /** Undefined comes last. */
  readonly order: number | undefined;
}

/** What decides the place of a policy within its tier. */
export interface PolicyOrder {
  readonly order: number | undefined;
  /** `NAME/NAMESPACE/KIND` */
  readonly tie: string;
}

/** Existing tiers first, then by order, then by name (Calico: felix/calc/policy_sorter.go). */
export function compareTiers(a: TierOrder, b: TierOrder): number {
  if (a.exists !== b.exists) return a.exists ? -1 : 1;
  return compareOrders(a.order, b.order) || compareText(a.name, b.name);
}

/** By order, then by the joined text, so that `a-b` comes before `a`. */
export function comparePolicies(a: PolicyOrder, b: PolicyOrder): number {
  return compareOrders(a.order, b.order) || compareText(a.tie, b.tie);
}

function compareOrders(a: number | undefined, b: number | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -1 : 1;
}

/** Byte order, for the ASCII names that resources have. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
