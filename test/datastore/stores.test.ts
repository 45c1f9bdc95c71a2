import t from 'tap';
import { fileStore } from '../../src/datastore/file/file-store.js';
import { objectReader } from '../../src/datastore/file/read-objects.js';
import { fakeStore } from '../../src/datastore/store-fake.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { storeContract } from './store-contract.js';

const reader = objectReader(checkSelector);

t.test('the fake', (t) => storeContract(t, async () => ({ store: fakeStore() })));

t.test('files', (t) => storeContract(t, async (t) => ({ store: fileStore(t.testdir({}), { reader }) })));
