import * as z from 'zod';
import { emptyIsAbsent, fieldRoles, list, oneOf, report, text, within, wordOrNumber } from './field.js';
import { annotations } from './metadata.js';
import { nameProblem } from './name.js';
import { portProblem, portRule } from './port.js';
import { protocolProblem } from './protocol.js';
import { checkRule, type RuleContext } from './rule-checks.js';

export const selectorLimit = 1024;
const netLimit = 256;
const portLimit = 50;
const httpLimit = 20;

/** A selector; its syntax is checked where documents are parsed, with the checker that the caller gives. */
export const selector = z
  .string()
  .superRefine((value, context) => {
    const message = within(selectorLimit)(value);
    if (message !== undefined) report(context, 'V-SELECTOR', [], message);
  })
  .register(fieldRoles, { role: 'selector' });

const unlimitedSelector = z.string().register(fieldRoles, { role: 'selector' });

/** A protocol by name or number. */
export const protocol = wordOrNumber('the name or number of a protocol')
  .superRefine((value, context) => {
    const message = protocolProblem(value);
    if (message !== undefined) report(context, 'V-PROTO', [], message);
  })
  .register(fieldRoles, { role: 'protocol' });

/** A port, a range of ports or the name of endpoint ports. */
export const port = wordOrNumber('a port, a range of ports or a port name')
  .superRefine((value, context) => {
    const message = portProblem(value);
    if (message !== undefined) report(context, portRule(value), [], message);
  })
  .register(fieldRoles, { role: 'port' });

/** A whole number from `low` to `high`. */
export function integer(code: string, low: number, high: number) {
  return z.number().superRefine((value, context) => {
    if (!Number.isInteger(value) || value < low || value > high)
      report(context, code, [], `must be a whole number from ${low} to ${high}, not ${value}`);
  });
}

const icmp = z.object({
  type: integer('V-RULE-17', 0, 254).optional(),
  code: integer('V-RULE-17', 0, 255).optional(),
});

const name = text('V-NAME', within(253, nameProblem));

const entityRule = z.object({
  nets: list(z.string(), netLimit).optional(),
  selector: emptyIsAbsent(selector),
  namespaceSelector: emptyIsAbsent(selector),
  services: z.object({ name: emptyIsAbsent(name), namespace: emptyIsAbsent(name) }).optional(),
  ports: list(port, portLimit).optional(),
  notNets: list(z.string(), netLimit).optional(),
  notSelector: emptyIsAbsent(selector),
  notPorts: list(port, portLimit).optional(),
  serviceAccounts: z
    .object({ names: z.array(z.string()).optional(), selector: emptyIsAbsent(unlimitedSelector) })
    .optional(),
});

const httpMatch = z.object({
  methods: list(z.string(), httpLimit).optional(),
  paths: list(z.object({ exact: emptyIsAbsent(z.string()), prefix: emptyIsAbsent(z.string()) }), httpLimit).optional(),
});

const ruleFields = z.object({
  action: oneOf('V-ACTION', 'Allow', 'Deny', 'Log', 'Pass'),
  ipVersion: z.union([z.literal(4), z.literal(6)], 'must be 4 or 6').optional(),
  protocol: protocol.optional(),
  icmp: icmp.optional(),
  notProtocol: protocol.optional(),
  notICMP: icmp.optional(),
  source: emptyIsAbsent(entityRule),
  destination: emptyIsAbsent(entityRule),
  http: httpMatch.optional(),
  metadata: z.object({ annotations: annotations.optional() }).optional(),
});

export type Rule = z.infer<typeof ruleFields>;
export type EntityRule = z.infer<typeof entityRule>;
export type IcmpMatch = z.infer<typeof icmp>;
export type HttpMatch = z.infer<typeof httpMatch>;
export type Action = Rule['action'];

/** The rules of one direction of a policy or profile. */
export function rules(where: RuleContext) {
  return list(
    ruleFields.superRefine((rule, context) => checkRule(rule, where, context)),
    1024,
  );
}
