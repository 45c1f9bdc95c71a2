import { type Driver, NftError } from './driver.js';

/** Whether there is a table of this name. One that can't be read is one: somebody put something odd into it. */
export async function hasTable(driver: Driver, name: string): Promise<boolean> {
  try {
    return (await driver.read(name)) !== undefined;
  } catch (error) {
    if (error instanceof NftError && error.code === 'unreadable') return true;
    throw error;
  }
}
