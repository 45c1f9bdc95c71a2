import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { FileObject } from '../../src/datastore/file/reader.js';
import { type FakeDriver, fakeDriver } from '../../src/nft/fake-driver.js';
import { kernelTable } from '../../src/nft/kernel-table.js';
import { printTable } from '../../src/nft/print.js';
import { type PolicyCalculator, policyCalculator } from '../../src/policy/calculator.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { initialTiers } from '../../src/resources/tier.js';
import { renderTable, TABLE } from '../../src/ruleset/render.js';
import { type AgentUnderTest, agentUnderTest } from '../agent/agent-under-test.js';
import { fakeStateKeeper } from '../agent/fake-state-keeper.js';
import { randomScenario } from './random-scenario.js';
import { type Scenario, scenarios } from './scenario.js';

/** With GOLDEN set the scripts that are made become the expected ones (`npm run golden`). */
const isGolden = process.env.GOLDEN !== undefined;

function calculatorFor({ node, interfaces }: Scenario): PolicyCalculator {
  const calculator = policyCalculator({ node, environment: {}, builtinProfiles: [defaultAllowProfile], initialTiers });
  calculator.setInterfaces(interfaces);
  return calculator;
}

function take(calculator: PolicyCalculator, { parsed }: FileObject): void {
  if (parsed.valid) calculator.upsert(parsed.resource);
}

function script(calculator: PolicyCalculator): string {
  return printTable(renderTable(calculator.calculate().hostPolicy)).text;
}

function scriptOf(scenario: Scenario, objects: readonly FileObject[]): string {
  const calculator = calculatorFor(scenario);
  for (const object of objects) take(calculator, object);
  return script(calculator);
}

/** What the fake kernel holds after the differences that led there. */
function held(driver: FakeDriver): string {
  const table = driver.table();
  if (!table) throw new Error('no table');
  return printTable(table).text;
}

/** Another order, the same for each run. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  let state = seed;
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state;
  };
  return items
    .map((item) => [next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

async function stepByStep(scenario: Scenario, objects: readonly FileObject[], again: boolean): Promise<string> {
  const calculator = calculatorFor(scenario);
  const driver = fakeDriver();
  const kernel = kernelTable(driver, TABLE);
  const sync = () => kernel.sync(renderTable(calculator.calculate().hostPolicy));
  await sync();
  for (const object of objects) {
    take(calculator, object);
    await sync();
  }
  for (const object of again ? objects : []) {
    calculator.remove(object.key);
    await sync();
    take(calculator, object);
    await sync();
  }
  return held(driver);
}

async function started(scenario: Scenario, driver: FakeDriver, state = fakeStateKeeper()): Promise<AgentUnderTest> {
  const under = await agentUnderTest({ node: scenario.node, on: scenario.interfaces.values(), driver, state });
  await under.agent.start();
  return under;
}

function tell({ source }: AgentUnderTest, objects: readonly FileObject[]): void {
  source.update(...objects.map(({ key, parsed, line }) => ({ key, parsed, origin: { file: 'policy.yaml', line } })));
}

/** Half of the objects, a restart, the others. Returns what is held, and the scripts of an agent that finds nothing to do. */
async function withRestarts(scenario: Scenario): Promise<{ readonly held: string; readonly idle: number }> {
  const driver = fakeDriver();
  const state = fakeStateKeeper();
  const half = Math.ceil(scenario.objects.length / 2);
  for (const objects of [scenario.objects.slice(0, half), scenario.objects]) {
    const under = await started(scenario, driver, state);
    tell(under, objects);
    under.source.inSync();
    await under.settled();
    await under.agent.stop();
  }
  const before = driver.scripts.length;
  const under = await started(scenario, driver, state);
  tell(under, shuffled(scenario.objects, 7));
  under.source.inSync();
  await under.settled();
  await under.agent.stop();
  return { held: held(driver), idle: driver.scripts.length - before };
}

/** Everything bit by bit, faster than the agent applies it. */
async function squashed(scenario: Scenario): Promise<{ readonly held: string; readonly scripts: number }> {
  const driver = fakeDriver();
  const under = await started(scenario, driver);
  under.source.inSync();
  await under.settled();
  const before = driver.scripts.length;
  for (const object of scenario.objects) tell(under, [object]);
  await turn();
  for (const { key } of scenario.objects) under.source.delete(key);
  tell(under, scenario.objects.toReversed());
  await under.settled();
  await under.agent.stop();
  return { held: held(driver), scripts: driver.scripts.length - before };
}

/** Ways that lead to the same end, byte for byte. */
async function sameEnd(t: Test, scenario: Scenario, made: string): Promise<void> {
  const { objects } = scenario;
  t.equal(scriptOf(scenario, objects.toReversed()), made, 'reversed');
  for (const seed of [1, 2, 3]) t.equal(scriptOf(scenario, shuffled(objects, seed)), made, `shuffled ${seed}`);
  t.equal(await stepByStep(scenario, objects, false), made, 'one update at a time');
  t.equal(await stepByStep(scenario, shuffled(objects, 4), true), made, 'shuffled, each deleted and added again');
  const restarted = await withRestarts(scenario);
  t.equal(restarted.held, made, 'with restarts');
  t.equal(restarted.idle, 0, 'an agent that finds it as it should be writes nothing');
  const hurried = await squashed(scenario);
  t.equal(hurried.held, made, 'squashed');
  t.ok(hurried.scripts <= 3, `${hurried.scripts} transactions`);
}

for (const scenario of scenarios()) {
  t.test(scenario.name, async (t) => {
    const made = scriptOf(scenario, scenario.objects);
    if (isGolden) scenario.accept(made);
    else t.equal(made, scenario.expected ?? 'nothing: run `npm run golden` and look at what it writes', 'as expected');
    // Whether or not that is the expected one.
    await sameEnd(t, scenario, made);
  });
}

t.test('random worlds with compiled lists', async (t) => {
  let tried = 0;
  for (let seed = 1; tried < 3; seed++) {
    const scenario = randomScenario(seed);
    const made = scriptOf(scenario, scenario.objects);
    if (!made.includes('map ports-')) continue;
    tried++;
    await t.test(scenario.name, async (t) => sameEnd(t, scenario, made));
  }
});
