import type { JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { MediaSlot } from '../state/media-state.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import { action, collection, MANAGER_PATH, NO_CONTENT, resource, type RedfishNoun } from './redfish-shapes.ts';

export const MEDIA_PATH = `${MANAGER_PATH}/VirtualMedia`;

const slotBody = (slot: MediaSlot): JsonObject => {
  const path = `${MEDIA_PATH}/${slot.id}`;
  return resource(path, 'VirtualMedia.v1_3_2', slot.id, `Virtual ${slot.types[0]}`, {
    MediaTypes: [...slot.types],
    Image: slot.image ?? null,
    ImageName: slot.image === undefined ? null : (new URL(slot.image).pathname.split('/').at(-1) ?? null),
    Inserted: slot.image !== undefined,
    ConnectedVia: slot.image === undefined ? 'NotConnected' : 'URI',
    WriteProtected: true,
    Actions: { ...action(path, 'VirtualMedia.InsertMedia'), ...action(path, 'VirtualMedia.EjectMedia') },
  });
};

export async function insertInto(bmc: BmcModel, slot: MediaSlot, image: unknown): Promise<RedfishReply> {
  if (typeof image !== 'string' || !URL.canParse(image) || !/^https?:/.test(image))
    return redfishError(400, 'Image is not a URL of http or https.');
  if (slot.image !== undefined) return redfishError(409, 'An image is in this slot already.');
  try {
    await bmc.media.insert(slot, image);
  } catch (error) {
    return redfishError(400, `The image cannot be read: ${(error as Error).message}`);
  }
  bmc.record('bmc.media', `${bmc.name}: media in ${slot.id}`);
  return NO_CONTENT;
}

export async function ejectFrom(bmc: BmcModel, slot: MediaSlot): Promise<RedfishReply> {
  await bmc.media.eject(slot);
  bmc.record('bmc.media', `${bmc.name}: ${slot.id} is empty`);
  return NO_CONTENT;
}

export const mediaResources: RedfishNoun = {
  find(bmc, path) {
    if (path === MEDIA_PATH)
      return collection(
        MEDIA_PATH,
        'VirtualMediaCollection',
        'Virtual Media',
        bmc.media.slots.map((slot) => `${MEDIA_PATH}/${slot.id}`),
      );
    const slot = bmc.media.slots.find((each) => path === `${MEDIA_PATH}/${each.id}`);
    return slot && slotBody(slot);
  },
  post(bmc, path, body) {
    const [, id, verb] = /\/VirtualMedia\/([^/]+)\/Actions\/VirtualMedia\.(InsertMedia|EjectMedia)$/.exec(path) ?? [];
    const slot = id === undefined ? undefined : bmc.media.find(id);
    if (slot === undefined || !path.startsWith(MEDIA_PATH)) return undefined;
    return verb === 'InsertMedia' ? insertInto(bmc, slot, body['Image']) : ejectFrom(bmc, slot);
  },
};
