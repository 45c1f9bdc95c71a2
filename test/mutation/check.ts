import { compare } from '../oracle/compare.js';
import { effort } from '../oracle/soak.js';

// Exit status 1: evaluator and tracer disagree; the last line says where.
const { seed, worlds, packets } = effort({ seed: 1, worlds: 250, packets: 100 });
for (let world = seed; world < seed + worlds; world++) {
  const found = compare(world, packets);
  if (!found) continue;
  const what = found.error ? `${found.error.name}: ${found.error.message}` : JSON.stringify(found.packet);
  console.log(`world ${world}: ${what.slice(0, 160)}`);
  process.exit(1);
}
