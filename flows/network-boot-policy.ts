import type { JsonObject } from '../core/base/json.ts';
import type { NetworkBoot } from '../inventory/node-service.ts';
import type { IscsiDrive } from '../pxe/boot-model.ts';

/*
 * Instances that boot over the network themselves: a ramdisk (`deploy_interface` ramdisk) or a volume (`storage_interface`
 * external). Keys are Ironic's: `instance_info/kernel`, `ramdisk`, `boot_iso`; Cinder's for a volume target's properties.
 */
export type NetworkBootPlan = NetworkBoot | { readonly problem: string };

/** What iPXE takes as one word: it has no quoting. */
const isOneWord = (value: unknown): value is string => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && !value.includes('${');
const isFileOrUrl = (value: unknown): value is string =>
  isOneWord(value) && (/^https?:\/\/./.test(value) || (!value.includes('://') && !value.startsWith('/')));
const FILE_FORM = 'an http(s) URL or the name of a file on the boot server';

/** `instance_info` of a node with the deploy interface `ramdisk`. */
export function planRamdisk(info: JsonObject, hasConfigDrive: boolean): NetworkBootPlan {
  if (hasConfigDrive) return { problem: 'A ramdisk has no disk for a config drive: deploy without one.' };
  const { boot_iso: iso, kernel, ramdisk } = info;
  if (iso !== undefined && (kernel !== undefined || ramdisk !== undefined))
    return { problem: 'instance_info has both boot_iso and a kernel or ramdisk: which of them shall boot?' };
  if (iso !== undefined)
    return isFileOrUrl(iso) ? { kind: 'image', image: { iso } } : { problem: `instance_info/boot_iso is not ${FILE_FORM}.` };
  for (const [name, value] of Object.entries({ kernel, ramdisk }))
    if (!isFileOrUrl(value))
      return { problem: `instance_info/${name} is not ${FILE_FORM}; a ramdisk needs kernel and ramdisk, or boot_iso.` };
  const words = info['ramdisk_kernel_arguments'] ?? info['kernel_append_params'] ?? '';
  if (typeof words !== 'string') return { problem: 'instance_info/ramdisk_kernel_arguments is not a text.' };
  return { kind: 'image', image: { kernel: String(kernel), ramdisk: String(ramdisk), kernelArguments: words } };
}

export interface VolumeRows {
  readonly connectors: readonly { readonly type: string; readonly connector_id: string }[];
  readonly targets: readonly { readonly volume_type: string; readonly boot_index: number; readonly properties: object }[];
}

/** BIOS numbers drives from 0x80; iPXE hooks as many as an operator lists. */
const DRIVES_MAX = 16;
const ISCSI_PORT = 3260;

/** The volumes of a node with the storage interface `external`; undefined: none to boot from, the instance is on a disk. */
export function planVolume({ connectors, targets }: VolumeRows): NetworkBootPlan | undefined {
  const ordered = targets.toSorted((a, b) => a.boot_index - b.boot_index);
  if (ordered[0]?.boot_index !== 0) return undefined;
  if (ordered.length > DRIVES_MAX) return { problem: `The node has ${ordered.length} volume targets; ${DRIVES_MAX} can be hooked.` };
  const initiators = connectors.filter(({ type }) => type === 'iqn').map(({ connector_id: id }) => id);
  const [initiator] = initiators;
  if (initiators.length !== 1 || !isOneWord(initiator))
    return { problem: `A node that boots from a volume has one volume connector of type iqn; this one has ${initiators.length}.` };
  const drives: IscsiDrive[] = [];
  for (const { volume_type: type, boot_index: index, properties } of ordered) {
    if (type !== 'iscsi') return { problem: `Volume target ${index} is of type ${type}: iscsi is booted from, others are not.` };
    const drive = driveOf(properties as JsonObject);
    if (typeof drive === 'string') return { problem: `Volume target ${index}: ${drive}` };
    drives.push(drive);
  }
  return { kind: 'volume', volume: { initiator, drives } };
}

/** @returns the reason why not */
function driveOf(properties: JsonObject): IscsiDrive | string {
  const { target_iqn: target, target_portal: portal, target_lun: lun = 0, auth_method: method } = properties;
  if (!isOneWord(target)) return 'properties/target_iqn is missing.';
  const place = /^([A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(String(portal ?? ''));
  if (place === null) return 'properties/target_portal is not HOST or HOST:PORT.';
  const number = Number(lun);
  if (!Number.isInteger(number) || number < 0 || number > 0xffff) return 'properties/target_lun is not 0 to 65535.';
  const drive = { host: place[1]!, port: Number(place[2] ?? ISCSI_PORT), lun: number, target };
  if (method === undefined || method === null || method === '') return drive;
  if (method !== 'CHAP') return `properties/auth_method ${String(method)} is not CHAP.`;
  const { auth_username: username, auth_password: password } = properties;
  if (!isOneWord(username) || !isOneWord(password)) return 'CHAP needs auth_username and auth_password, each in visible ASCII without ${.';
  return { ...drive, chap: { username, password } };
}
