import { isIPv6 } from 'node:net';
import * as z from 'zod';
import { logFormats, logLevels } from '../../observe/log-level.js';
import { parseDatastore } from './settings-datastore.js';
import { type Address, drivers, listForms, type SettingName, type Settings } from './settings-table.js';

/** What values settings may have. In a file of its own, because zod takes long to load and is not always needed. */
export const settingSchemas: { readonly [Name in SettingName]?: z.ZodType<Settings[Name]> } = {
  datastore: z.string({ error: 'must be a text such as file:DIR or etcd:URL' }).transform((url, context) => {
    const parsed = parseDatastore(url);
    if (parsed.ok) return parsed.value;
    context.addIssue(parsed.message);
    return z.NEVER;
  }),
  driver: oneOf(drivers),
  lists: oneOf(listForms),
  logLevel: oneOf(logLevels),
  logFormat: oneOf(logFormats),
  health: address(),
  metrics: address(),
};

function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word> {
  return z.enum(words, { error: ({ input }) => `must be ${listed(words)}, not ${JSON.stringify(input)}` });
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `one of ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function address(): z.ZodType<Address | undefined> {
  return z.string({ error: 'must be HOST:PORT or none' }).transform((text, context) => {
    if (text === 'none') return undefined;
    const address = parseAddress(text);
    if (address !== undefined) return address;
    context.addIssue(`must be HOST:PORT or none, not "${text}" (an IPv6 address in brackets: [::1]:9099)`);
    return z.NEVER;
  });
}

function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/.exec(text);
  const { ipv6, name, port } = match?.groups ?? {};
  const number = Number(port);
  if (!(number >= 1 && number <= 65535)) return undefined;
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { host: ipv6, port: number } : undefined;
  return name === undefined ? undefined : { host: name, port: number };
}
