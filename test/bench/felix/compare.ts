import { lastLines } from '../../lab/daemon-process.js';
import { CHANGES, type Change } from '../change.js';
import { monotonicMs, pause } from '../commits.js';
import { dataSet } from '../data-set.js';
import { flood, nsPerPacket } from '../packet.js';
import { cpuPercent, footprint } from '../process-tree.js';
import { type Arena, type ArenaNode, type Binaries, type Contender, openArena } from './arena.js';
import type { Comparison, Measure } from './comparison.js';

const POLICIES = [10, 100, 1000];

/** How much is measured. */
interface Effort {
  /** Agents take turns this often, the other one first each time. */
  readonly rounds: number;
  /** In each round. */
  readonly starts: number;
  /** Of each kind, in each round. */
  readonly changes: number;
  readonly floods: number;
  readonly chunks: number;
  /** The full check of Margay's table comes every 90 s: a longer time has one. */
  readonly idleSeconds: number;
}

const FULL: Effort = { rounds: 4, starts: 3, changes: 6, floods: 7, chunks: 10, idleSeconds: 100 };
const QUICK: Effort = { rounds: 2, starts: 2, changes: 5, floods: 3, chunks: 3, idleSeconds: 20 };

/** A start has garbage and work of its own. */
const SETTLE_MS = 5000;
/** Nothing of a start comes later than this after what was before. */
const START_QUIET_MS = 1000;
/** Longer than what belongs to a change takes to follow another commit, and than the pace of either agent. */
const CHANGE_QUIET_MS = 150;
const START_MS = 60_000;
/** Nobody allows it, failsafe ports included. */
const CLOSED_PORT = 9;

export interface CompareOptions {
  readonly binaries: Binaries | undefined;
  readonly quick: boolean;
  tell(text: string): void;
}

/** Both agents on the same data; needs what `openArena` needs. */
export async function compare({ binaries, quick, tell }: CompareOptions): Promise<Comparison[]> {
  const arena = await openArena(binaries);
  const effort = quick ? QUICK : FULL;
  try {
    const comparisons: Comparison[] = [];
    for (const policies of POLICIES) comparisons.push(...(await withPolicies(arena, policies, effort, tell)));
    return comparisons;
  } finally {
    await arena.close();
  }
}

async function withPolicies(
  arena: Arena,
  policies: number,
  effort: Effort,
  tell: CompareOptions['tell'],
): Promise<Comparison[]> {
  tell(`${policies} policies: data`);
  await arena.apply(dataSet(policies));
  const timedChange = changeTimer(arena);
  const notes = notebook();
  const rivals = arena.contenders.filter(({ name }) => name !== 'plain');
  for (let round = 0; round < effort.rounds; round++) {
    for (const contender of round % 2 === 0 ? rivals : rivals.toReversed()) {
      tell(`${policies} policies, round ${round + 1} of ${effort.rounds}: ${contender.name}`);
      await alone(contender, timedChange, effort, notes.of(contender));
    }
  }
  tell(`${policies} policies: new flows, idle CPU`);
  await sideBySide(arena, policies, effort, notes);
  return notes.comparisons(policies);
}

type Note = (measure: Measure, value: number) => void;

/** While this agent alone runs: what another one would disturb. */
async function alone(contender: Contender, timedChange: TimedChange, effort: Effort, note: Note): Promise<void> {
  try {
    for (let start = 0; start < effort.starts; start++) {
      await contender.stop();
      note('start', await timedStart(contender));
    }
    await pause(SETTLE_MS);
    note('memory', (await footprint(pidOf(contender))).residentMB);
    for (const change of CHANGES) {
      // The first one is not counted: it brings code into play that has not run yet.
      await timedChange(contender, change);
      for (let n = 0; n < effort.changes; n++) await timedChange(contender, change, note);
    }
  } finally {
    await contender.stop();
  }
}

/** Seconds from the process to the last commit, on a node without any rules. */
async function timedStart(contender: Contender): Promise<number> {
  await contender.reset();
  contender.commits.clear();
  const began = await contender.start();
  while (!contender.inForce.test(contender.log())) {
    if (contender.pid() === undefined || monotonicMs() - began > START_MS)
      throw new Error(`${contender.name} is not in force:\n${lastLines(contender.log())}`);
    await pause(50);
  }
  return ((await contender.commits.settled(START_QUIET_MS)) - began) / 1000;
}

/** Notes the milliseconds from the beginning of the write into etcd to the last commit. */
type TimedChange = (contender: Contender, change: Change, note?: Note) => Promise<void>;

/** To be made anew for new data: each version of an object is another than the one before, whichever agent runs. */
function changeTimer(arena: Arena): TimedChange {
  const versions = new Map<Change, number>();
  return async ({ commits }, change, note) => {
    const version = (versions.get(change) ?? 0) + 1;
    versions.set(change, version);
    const write = await arena.prepare(change.version(version));
    await pause(20);
    commits.clear();
    const began = monotonicMs();
    await write();
    const written = monotonicMs();
    const committed = await commits.settled(CHANGE_QUIET_MS);
    note?.('write', written - began);
    note?.(change.name, committed - began);
  };
}

/** All agents at once, without work. */
async function sideBySide(arena: Arena, policies: number, effort: Effort, notes: Notebook): Promise<void> {
  const { contenders, bare } = arena;
  try {
    for (const contender of contenders) await timedStart(contender);
    await bare.reset();
    for (const contender of contenders) await mustFilter(contender, policies);
    for (let round = 0; round < effort.floods; round++) {
      const floor = await nsPerFlow(bare, policies, effort);
      for (const contender of contenders)
        notes.of(contender)('flow', (await nsPerFlow(contender, policies, effort)) / floor);
    }
    await pause(SETTLE_MS);
    const rivals = contenders.filter(({ name }) => name !== 'plain');
    await Promise.all(
      rivals.map(async (contender) => {
        notes.of(contender)('idle', await cpuPercent(pidOf(contender), effort.idleSeconds));
      }),
    );
  } finally {
    for (const contender of contenders) await contender.stop();
  }
}

const nsPerFlow = ({ near, far }: ArenaNode, policies: number, { chunks }: Effort) =>
  nsPerPacket(near, far, policies, chunks);

/** The cost of a packet says nothing of an agent that lets everything through. */
async function mustFilter({ name, near, far }: Contender, policies: number): Promise<void> {
  const { came } = await flood(near, far, policies, CLOSED_PORT, 1);
  if (came > 0) throw new Error(`${name} lets ${came} packets through that no policy allows`);
}

function pidOf({ name, pid, log }: Contender): number {
  const found = pid();
  if (found === undefined) throw new Error(`${name} has ended by itself:\n${lastLines(log())}`);
  return found;
}

interface Notebook {
  of(contender: Contender): Note;
  comparisons(policies: number): Comparison[];
}

function notebook(): Notebook {
  const notes: { readonly name: Contender['name']; readonly measure: Measure; readonly value: number }[] = [];
  return {
    of:
      ({ name }) =>
      (measure, value) =>
        void notes.push({ name, measure, value }),
    comparisons(policies) {
      const measures = [...new Set(notes.map(({ measure }) => measure))];
      const valuesOf = (wanted: Measure, of: Contender['name']) =>
        notes.filter(({ name, measure }) => name === of && measure === wanted).map(({ value }) => value);
      return measures.map((measure) => ({
        policies,
        measure,
        margay: valuesOf(measure, 'margay'),
        plain: valuesOf(measure, 'plain'),
        felix: valuesOf(measure, 'felix'),
      }));
    },
  };
}
