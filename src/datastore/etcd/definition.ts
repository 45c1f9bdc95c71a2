import type { INamespace } from 'protobufjs';

const header = { header: { type: 'ResponseHeader', id: 1 } };

/**
 * The messages of etcd's API that are needed here, with those of their fields that are; others are skipped when they are read.
 * Source: `rpc.proto` and `kv.proto` of etcd (Apache License 2.0). Names are in camel case, and keys are text: Calico's are,
 * and what others keep in the same etcd is not asked for.
 */
export const definition: INamespace = {
  nested: {
    ResponseHeader: {
      fields: {
        clusterId: { type: 'uint64', id: 1 },
        revision: { type: 'int64', id: 3 },
        raftTerm: { type: 'uint64', id: 4 },
      },
    },
    KeyValue: {
      fields: {
        key: { type: 'string', id: 1 },
        createRevision: { type: 'int64', id: 2 },
        modRevision: { type: 'int64', id: 3 },
        value: { type: 'bytes', id: 5 },
      },
    },
    Event: {
      fields: {
        type: { type: 'int32', id: 1 },
        kv: { type: 'KeyValue', id: 2 },
        prevKv: { type: 'KeyValue', id: 3 },
      },
    },
    RangeRequest: {
      fields: {
        key: { type: 'string', id: 1 },
        rangeEnd: { type: 'string', id: 2 },
        limit: { type: 'int64', id: 3 },
        revision: { type: 'int64', id: 4 },
        keysOnly: { type: 'bool', id: 8 },
        minModRevision: { type: 'int64', id: 10 },
      },
    },
    RangeResponse: {
      fields: {
        ...header,
        kvs: { rule: 'repeated', type: 'KeyValue', id: 2 },
        more: { type: 'bool', id: 3 },
        count: { type: 'int64', id: 4 },
      },
    },
    PutRequest: {
      fields: {
        key: { type: 'string', id: 1 },
        value: { type: 'bytes', id: 2 },
        lease: { type: 'int64', id: 3 },
      },
    },
    PutResponse: { fields: header },
    DeleteRangeRequest: {
      fields: {
        key: { type: 'string', id: 1 },
        prevKv: { type: 'bool', id: 3 },
      },
    },
    DeleteRangeResponse: {
      fields: {
        ...header,
        deleted: { type: 'int64', id: 2 },
        prevKvs: { rule: 'repeated', type: 'KeyValue', id: 3 },
      },
    },
    Compare: {
      fields: {
        result: { type: 'int32', id: 1 },
        target: { type: 'int32', id: 2 },
        key: { type: 'string', id: 3 },
        version: { type: 'int64', id: 4 },
        modRevision: { type: 'int64', id: 6 },
      },
    },
    RequestOp: {
      fields: {
        requestRange: { type: 'RangeRequest', id: 1 },
        requestPut: { type: 'PutRequest', id: 2 },
        requestDeleteRange: { type: 'DeleteRangeRequest', id: 3 },
      },
    },
    ResponseOp: {
      fields: {
        responseRange: { type: 'RangeResponse', id: 1 },
        responsePut: { type: 'PutResponse', id: 2 },
        responseDeleteRange: { type: 'DeleteRangeResponse', id: 3 },
      },
    },
    TxnRequest: {
      fields: {
        compare: { rule: 'repeated', type: 'Compare', id: 1 },
        success: { rule: 'repeated', type: 'RequestOp', id: 2 },
        failure: { rule: 'repeated', type: 'RequestOp', id: 3 },
      },
    },
    TxnResponse: {
      fields: {
        ...header,
        succeeded: { type: 'bool', id: 2 },
        responses: { rule: 'repeated', type: 'ResponseOp', id: 3 },
      },
    },
    WatchCreateRequest: {
      fields: {
        key: { type: 'string', id: 1 },
        rangeEnd: { type: 'string', id: 2 },
        startRevision: { type: 'int64', id: 3 },
        progressNotify: { type: 'bool', id: 4 },
        prevKv: { type: 'bool', id: 6 },
      },
    },
    WatchRequest: { fields: { createRequest: { type: 'WatchCreateRequest', id: 1 } } },
    WatchResponse: {
      fields: {
        ...header,
        created: { type: 'bool', id: 3 },
        canceled: { type: 'bool', id: 4 },
        compactRevision: { type: 'int64', id: 5 },
        cancelReason: { type: 'string', id: 6 },
        events: { rule: 'repeated', type: 'Event', id: 11 },
      },
    },
    LeaseGrantRequest: {
      fields: {
        ttl: { type: 'int64', id: 1 },
        id: { type: 'int64', id: 2 },
      },
    },
    LeaseGrantResponse: { fields: header },
    LeaseRevokeRequest: { fields: { id: { type: 'int64', id: 1 } } },
    LeaseRevokeResponse: { fields: header },
    LeaseKeepAliveRequest: { fields: { id: { type: 'int64', id: 1 } } },
    LeaseKeepAliveResponse: {
      fields: {
        ...header,
        ttl: { type: 'int64', id: 3 },
      },
    },
    AuthenticateRequest: {
      fields: {
        name: { type: 'string', id: 1 },
        password: { type: 'string', id: 2 },
      },
    },
    AuthenticateResponse: {
      fields: {
        ...header,
        token: { type: 'string', id: 2 },
      },
    },
  },
};
