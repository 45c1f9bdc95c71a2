import { type Driver, NftError } from '../nft/driver.js';
import type { Origin, Table } from '../nft/objects.js';
import { printTable } from '../nft/print.js';

/**
 * The object whose rules make nft refuse a table, found by trying halves of the objects without effect on the kernel. Undefined
 * if the table is accepted after all, refused without any object's rules too, or not by the fault of one object alone.
 */
export async function guiltyObject(table: Table, driver: Driver): Promise<Origin | undefined> {
  const all = [...originsOf(table)];
  const isRefused = (origins: readonly string[]) => refused(driver, withRulesOf(table, new Set(origins)));
  let suspects = all.map(([text]) => text);
  if (!(await isRefused(suspects)) || (await isRefused([]))) return undefined;
  while (suspects.length > 1) {
    const half = suspects.slice(0, Math.ceil(suspects.length / 2));
    suspects = (await isRefused(half)) ? half : suspects.slice(half.length);
  }
  const [guilty = ''] = suspects;
  // Two may be refused only together, or nft may have failed for another reason: then nobody is blamed.
  if (!(await isRefused([guilty]))) return undefined;
  return all.find(([text]) => text === guilty)?.[1];
}

async function refused(driver: Driver, table: Table): Promise<boolean> {
  try {
    await driver.check(printTable(table));
    return false;
  } catch (error) {
    if (error instanceof NftError && (error.code === 'refused' || error.code === 'invalid')) return true;
    throw error;
  }
}

function originsOf(table: Table): Map<string, Origin> {
  const rules = table.chains.flatMap((chain) => chain.rules);
  return new Map(rules.flatMap(({ origin }) => (origin ? [[originText(origin), origin]] : [])));
}

/** The table with the rules of these objects and those that were made for none. */
function withRulesOf(table: Table, origins: ReadonlySet<string>): Table {
  const chains = table.chains.map((chain) => ({
    ...chain,
    rules: chain.rules.filter(({ origin }) => origin === undefined || origins.has(originText(origin))),
  }));
  // Elements are nobody's, and of large sets there may be a million.
  return { ...table, chains, sets: table.sets.map((set) => ({ ...set, elements: [] })) };
}

function originText({ kind, namespace = '', name }: Origin): string {
  return `${kind}/${namespace}/${name}`;
}
