import { z } from 'zod';
import { short, toMacAddress } from './query-values.ts';

/** `local_link_connection`: the switch port at the other end of the cable, or nothing. */
const parts = {
  port_id: z.string().max(255).optional(),
  switch_id: z.string().max(255).optional(),
  hostname: z.string().max(255).optional(),
  switch_info: z.string().max(255).optional(),
  'vtep-logical-switch': z.string().max(255).optional(),
  'vtep-physical-switch': z.string().max(255).optional(),
  network_type: z.enum(['managed', 'unmanaged']).optional(),
};
/** An OpenFlow datapath: 16 hex digits, with or without 0x. */
const DATAPATH = /^(0x)?[0-9a-f]{16}$/i;

export const localLink = z
  .strictObject(parts)
  .nullish()
  .transform((link, context) => {
    const given = Object.fromEntries(Object.entries(link ?? {}).filter(([, value]) => value !== undefined));
    const has = (...names: string[]) => names.every((name) => name in given);
    const isComplete =
      Object.keys(given).length === 0 ||
      has('port_id', 'switch_id') ||
      has('port_id', 'hostname') ||
      has('port_id', 'vtep-logical-switch', 'vtep-physical-switch') ||
      given['network_type'] === 'unmanaged';
    if (!isComplete) {
      context.addIssue({ code: 'custom', message: 'needs port_id and switch_id, or port_id and hostname, or network_type unmanaged' });
      return z.NEVER;
    }
    const switchId = given['switch_id'];
    if (switchId === undefined) return given;
    try {
      return { ...given, switch_id: DATAPATH.test(switchId) ? switchId.toLowerCase() : toMacAddress('switch_id', switchId)! };
    } catch {
      context.addIssue({ code: 'custom', message: `Expected a MAC address or OpenFlow datapath ID but received ${short(switchId)}.` });
      return z.NEVER;
    }
  });
