import t from 'tap';
import { FAULTS } from '../mutation/faults.js';
import { read } from './source-files.js';

t.test('each fault of the mutation check has exactly one place in the sources', async (t) => {
  for (const { name, file, find } of FAULTS) t.equal(read(`src/${file}`).split(find).length - 1, 1, name);
});
