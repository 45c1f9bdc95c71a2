import type { Change } from './change.js';
import type { Origin } from './objects.js';
import type { OtherObject } from './other-objects.js';

/** A script for `nft -f`: one transaction. `origins[i]` says for whom line i (from 0) was written. */
export interface Script {
  readonly text: string;
  readonly origins: readonly (Origin | undefined)[];
  /** The same as data, in the same order, for drivers that need no text. */
  readonly changes: readonly Change[];
}

/**
 * Why a transaction was refused, or the table could not be read. `invalid`: not even tried, since a name or value can't be
 * written. `outdated`: this nft is too old. `forbidden`: the process may not use nf_tables. `failed`: nft
 * came to no verdict, for want of memory or because it was killed. `refused`: by nft or the kernel, nothing of it is in force. After a `timeout` it may be in force or not.
 */
export class NftError extends Error {
  constructor(
    readonly code: 'invalid' | 'refused' | 'missing' | 'outdated' | 'forbidden' | 'failed' | 'timeout' | 'unreadable',
    message: string,
    /** Whose rule caused it, and the script's line, where nft says so. */
    readonly origin?: Origin,
    readonly line?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'NftError';
  }
}

/** A chain as the kernel tells it. */
export interface ChainContent {
  /** Its hook and policy. */
  readonly header: string;
  /** Each with its comment. */
  readonly rules: readonly string[];
}

/** A set or a map as the kernel tells it. Each key is the JSON text of its canonical `Value`, so it can be deleted again. */
export interface SetContent {
  readonly kind: 'set' | 'map';
  readonly header: string;
  /** Key → '' for a set, key → verdict for a map. */
  readonly elements: ReadonlyMap<string, string>;
}

/**
 * What our table holds as the kernel tells it: for each object a text that is equal for equal objects. Desired objects are
 * brought into the same form by `describeTable`, so that the two can be compared. Comments of chains, sets and maps are left
 * out: nft 1.0.6 doesn't list those of chains as JSON, and the kernel changes none after creation.
 */
export interface TableContent {
  readonly chains: ReadonlyMap<string, ChainContent>;
  readonly sets: ReadonlyMap<string, SetContent>;
  /** Objects of kinds that Margay never makes, such as counters and flowtables: somebody else's. */
  readonly others: readonly OtherObject[];
  /** The table has flags, so it may be dormant, which switches all of it off. Which flags: nft 1.0.6 doesn't tell. */
  readonly flagged: boolean;
}

/** A commit to nf_tables by somebody else that touched our table, or events that were lost. */
export interface ForeignChange {
  readonly kind: 'changed' | 'lost';
  /** The process that committed it, where the kernel tells. */
  readonly process?: { readonly pid: number; readonly name: string };
}

export interface Watch {
  stop(): Promise<void>;
}

/** The only way to the kernel's nf_tables. Calls are made one after another. */
export interface Driver {
  readonly name: string;
  /** Throws NftError if it can't work at all on this host. */
  usable(): Promise<void>;
  /** One transaction: all or nothing. Throws NftError. */
  apply(script: Script): Promise<void>;
  /** The same without effect. */
  check(script: Script): Promise<void>;
  /** Whether there is a table `inet NAME`, whatever is in it. Costs little, however large it is. */
  has(table: string): Promise<boolean>;
  /** The content of table `inet NAME`, undefined if there is none. */
  read(table: string): Promise<TableContent | undefined>;
  /** Tells about foreign changes to the table from now on; restarts what it follows them with by itself. */
  watch(table: string, listener: (change: ForeignChange) => void): Watch;
  /** Ends what it keeps open; a later call opens it again. */
  close(): Promise<void>;
}
