import type { JsonObject } from '../../core/base/json.ts';
import type { MediaKind, MediaSlot, VirtualMediaCalls } from '../virtual-media.ts';
import { objectAt, pathAt, textAt, textsAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/**
 * VirtualMedia (DSP8010): under the system by newer schemas, under the manager by older ones. An image goes in by the
 * action, by an action under `Oem`, or by changing the resource itself, in this order of what the BMC offers.
 */
const KINDS: Readonly<Record<string, MediaKind>> = { CD: 'cdrom', DVD: 'cdrom', USBStick: 'disk', Floppy: 'floppy' };
const INSERT = 'VirtualMedia.InsertMedia';
const EJECT = 'VirtualMedia.EjectMedia';

const kindsOf = (slot: JsonObject): readonly MediaKind[] => [...new Set(textsAt(slot, 'MediaTypes').flatMap((each) => KINDS[each] ?? []))];
const idOf = (slot: JsonObject): string => textAt(slot, 'Id') ?? textAt(slot, '@odata.id') ?? '';

/** `VmmControl` of Huawei's BMCs. */
const oemControl = (slot: JsonObject): string | undefined => {
  const actions = Object.values(objectAt(slot, 'Oem')).flatMap((vendor) =>
    Object.entries(objectAt((vendor ?? {}) as JsonObject, 'Actions')).filter(([name]) => name.endsWith('VirtualMedia.VmmControl')),
  );
  return actions[0] === undefined ? undefined : textAt(actions[0][1] as JsonObject, 'target');
};

export function redfishVirtualMedia(tree: RedfishTree): VirtualMediaCalls {
  const { http } = tree;
  const slots = async (signal: AbortSignal): Promise<readonly JsonObject[]> => {
    const system = await tree.system(signal);
    const owner = pathAt(system, 'VirtualMedia') ? system : await tree.manager(signal);
    const { deadSlots } = await tree.habits(signal);
    return (await tree.members(owner, 'VirtualMedia', signal)).filter((slot) => !(deadSlots?.test(idOf(slot)) ?? false));
  };
  const imageOf = (slot: JsonObject, staleImage: boolean): string | undefined => {
    const isIn = slot['Inserted'] === true || (slot['Inserted'] === undefined && !staleImage);
    return isIn ? textAt(slot, 'Image') : undefined;
  };
  const read = async (slot: JsonObject, signal: AbortSignal): Promise<MediaSlot> => {
    const { staleImage } = await tree.habits(signal);
    return { id: idOf(slot), kinds: kindsOf(slot), image: imageOf(slot, staleImage === true) };
  };

  const eject = async (slot: JsonObject, signal: AbortSignal) => {
    const action = await tree.action(slot, `#${EJECT}`, 'Image', signal);
    const control = oemControl(slot);
    if (action) await http.post(action.target, {}, signal);
    else if (control) await http.post(control, { VmmControlType: 'Disconnect' }, signal);
    else await http.patch(textAt(slot, '@odata.id')!, { Image: null, Inserted: false }, signal);
  };
  const insert = async (slot: JsonObject, url: string, signal: AbortSignal) => {
    const action = await tree.action(slot, `#${INSERT}`, 'Image', signal);
    const control = oemControl(slot);
    const { insertWith } = await tree.habits(signal);
    if (action) await http.post(action.target, { Image: url, ...insertWith }, signal);
    else if (control) await http.post(control, { VmmControlType: 'Connect', Image: url }, signal);
    else await http.patch(textAt(slot, '@odata.id')!, { Image: url, Inserted: true, WriteProtected: true }, signal);
  };

  return {
    async virtualMedia(signal) {
      return Promise.all((await slots(signal)).map((slot) => read(slot, signal)));
    },
    async insertMedia({ kind, url }, signal) {
      const fitting = (await slots(signal)).filter((slot) => kindsOf(slot).includes(kind));
      // A slot of its own before one that can be several things; an empty one before a full one.
      const staleImage = (await tree.habits(signal)).staleImage === true;
      const rank = (slot: JsonObject) => (imageOf(slot, staleImage) === undefined ? 0 : 8) + kindsOf(slot).length;
      const slot = fitting.sort((a, b) => rank(a) - rank(b))[0];
      if (slot === undefined) throw tree.missing(`virtual media slot for a ${kind}`);
      if (imageOf(slot, staleImage) !== undefined) await eject(slot, signal);
      await insert(slot, url, signal);
    },
    async ejectMedia(kind, signal) {
      const staleImage = (await tree.habits(signal)).staleImage === true;
      const full = (await slots(signal)).filter((slot) => kindsOf(slot).includes(kind) && imageOf(slot, staleImage) !== undefined);
      for (const slot of full) await eject(slot, signal);
    },
  };
}
