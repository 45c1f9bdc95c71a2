/** In every response. Revisions count the changes of the whole store; they and terms only grow, unless the store is another one. */
export interface ResponseHeader {
  readonly clusterId: number;
  readonly revision: number;
  readonly raftTerm: number;
}

export interface KeyValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly value: Uint8Array;
}

/** `rangeEnd` is the first key that does not belong to the range; without it, the range is one key. */
export interface RangeRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  readonly limit?: number;
  /** As of when; default: now. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly minModRevision?: number;
}

export interface RangeResponse {
  readonly header: ResponseHeader;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Of the whole range, whatever `limit` and `minModRevision` say. */
  readonly count: number;
}

export interface PutRequest {
  readonly key: string;
  readonly value: Uint8Array;
  readonly lease?: number;
}

export interface DeleteRangeRequest {
  readonly key: string;
  readonly prevKv?: boolean;
}

export interface DeleteRangeResponse {
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

/** etcd's numbers of what is compared and how. */
export const compareTarget = { version: 0, mod: 2 } as const;
export const compareResult = { equal: 0, greater: 1 } as const;

export interface Compare {
  readonly result: (typeof compareResult)[keyof typeof compareResult];
  readonly target: (typeof compareTarget)[keyof typeof compareTarget];
  readonly key: string;
  readonly version?: number;
  readonly modRevision?: number;
}

export interface RequestOp {
  readonly requestRange?: RangeRequest;
  readonly requestPut?: PutRequest;
  readonly requestDeleteRange?: DeleteRangeRequest;
}

export interface ResponseOp {
  readonly responseRange: RangeResponse | null;
  readonly responseDeleteRange: DeleteRangeResponse | null;
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: ResponseHeader;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

/** etcd's numbers of events. */
export const eventType = { put: 0, delete: 1 } as const;

export interface Event {
  readonly type: number;
  readonly kv: KeyValue;
  /** Asked for, and not compacted yet. */
  readonly prevKv: KeyValue | null;
}

export interface WatchCreateRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  readonly startRevision: number;
  /** An empty response every 10 minutes or so while there are no events: everything up to its revision has been told. */
  readonly progressNotify?: boolean;
  readonly prevKv?: boolean;
}

export interface WatchRequest {
  readonly createRequest: WatchCreateRequest;
}

export interface WatchResponse {
  readonly header: ResponseHeader;
  readonly created: boolean;
  readonly canceled: boolean;
  /** The oldest revision that there is, if the one that was asked for is gone. etcd 3.4 has no `cancelReason` then. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly events: readonly Event[];
}

/** The `id` is the client's choice. */
export interface LeaseGrantRequest {
  /** In seconds. */
  readonly ttl: number;
  readonly id: number;
}

export interface LeaseRequest {
  readonly id: number;
}

export interface LeaseKeepAliveResponse {
  /** In seconds; 0: the lease has expired. */
  readonly ttl: number;
}

export interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

export interface AuthenticateResponse {
  readonly token: string;
}
