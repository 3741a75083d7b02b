import { malformed, isMalformed, type Malformed } from '../../core/base/malformed.ts';
import { decodeBcdPlus, decodeSixBit } from './id-string-codec.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/**
 * FRU inventory (IPMI 2.0 §34 for the commands, "Platform Management FRU Information Storage Definition" 1.0 r1.3 for
 * the contents).
 *
 *   common header: 0 version 1 | 1 internal | 2 chassis | 3 board | 4 product | 5 multi-record | 6 pad | 7 checksum
 *   (offsets in units of 8 bytes, 0: absent). Area: 0 version | 1 length / 8 | kind's own head | fields .. 0xc1 | pad | checksum
 *   field: type << 6 | length, then bytes; type 0 binary, 1 BCD plus, 2 packed 6-bit ASCII, 3 8-bit text
 */
export const FRU_COMMAND = { areaInfo: 0x10, read: 0x11, write: 0x12 } as const;

export const getFruAreaInfo = (device: number): IpmiRequest => ({
  netFn: NET_FN.storage,
  command: FRU_COMMAND.areaInfo,
  data: Buffer.from([device]),
});

export const readFru = (device: number, offset: number, count: number): IpmiRequest => ({
  netFn: NET_FN.storage,
  command: FRU_COMMAND.read,
  data: Buffer.from([device, offset & 0xff, offset >> 8, count]),
});

export interface FruInventory {
  readonly chassisPart?: string;
  readonly chassisSerial?: string;
  readonly boardManufacturer?: string;
  readonly boardProduct?: string;
  readonly boardSerial?: string;
  readonly boardPart?: string;
  readonly manufacturer?: string;
  readonly product?: string;
  readonly productPart?: string;
  readonly productVersion?: string;
  readonly serial?: string;
  readonly assetTag?: string;
}

const END_OF_FIELDS = 0xc1;
const sumIsZero = (bytes: Uint8Array): boolean => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0) === 0;

function decodeField(type: number, bytes: Buffer): string {
  if (type === 1) return decodeBcdPlus(bytes);
  if (type === 2) return decodeSixBit(bytes);
  return type === 3 ? bytes.toString('latin1').replaceAll('\0', '') : bytes.toString('hex');
}

function decodeArea(image: Buffer, at: number, headBytes: number, name: string): string[] | Malformed {
  const length = (image[at + 1] ?? 0) * 8;
  if (length < 8 || at + length > image.length) return malformed(`FRU ${name} area runs past the inventory`, at);
  const area = image.subarray(at, at + length);
  if (!sumIsZero(area)) return malformed(`FRU ${name} area has a wrong checksum`, at);
  const fields: string[] = [];
  for (let offset = headBytes; offset < length - 1 && area[offset] !== END_OF_FIELDS;) {
    const size = area[offset]! & 0x3f;
    if (offset + 1 + size > length - 1) return malformed(`FRU ${name} field runs past its area`, at + offset);
    fields.push(decodeField(area[offset]! >> 6, area.subarray(offset + 1, offset + 1 + size)).trim());
    offset += 1 + size;
  }
  return fields;
}

/** What each area's fields are called, in the order in which the area stores them. */
const AREAS = [
  { at: 2, headBytes: 3, name: 'chassis', fields: ['chassisPart', 'chassisSerial'] },
  { at: 3, headBytes: 6, name: 'board', fields: ['boardManufacturer', 'boardProduct', 'boardSerial', 'boardPart'] },
  {
    at: 4,
    headBytes: 3,
    name: 'product',
    fields: ['manufacturer', 'product', 'productPart', 'productVersion', 'serial', 'assetTag'],
  },
] as const satisfies readonly { at: number; headBytes: number; name: string; fields: readonly (keyof FruInventory)[] }[];

/** A damaged area fails the whole inventory only when no other area could be read: half an identity beats none. */
export function decodeFru(image: Buffer): FruInventory | Malformed {
  if (image.length < 8) return malformed('FRU inventory is shorter than its header', image.length);
  if ((image[0]! & 0x0f) !== 1 || !sumIsZero(image.subarray(0, 8))) return malformed('FRU header has a wrong version or checksum', 0);
  const inventory: Partial<Record<keyof FruInventory, string>> = {};
  let failure: Malformed | undefined;
  for (const area of AREAS) {
    const at = image[area.at]! * 8;
    if (at === 0) continue;
    const values = decodeArea(image, at, area.headBytes, area.name);
    if (isMalformed(values)) {
      failure = values;
      continue;
    }
    area.fields.forEach((field, index) => {
      if (values[index]) inventory[field] = values[index];
    });
  }
  return failure && Object.keys(inventory).length === 0 ? failure : inventory;
}

const closeArea = (body: Buffer): Buffer => {
  const length = Math.ceil((body.length + 1) / 8) * 8;
  const area = Buffer.alloc(length);
  body.copy(area);
  area[1] = length / 8;
  area[length - 1] = -area.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return area;
};

const FIELD_BYTES_MAX = 63;

/** A one-character text field would be read as the end mark 0xc1, so it gets a trailing space. */
const textField = (text: string | undefined): Buffer => {
  const bytes = Buffer.from(text?.length === 1 ? `${text} ` : (text ?? ''), 'latin1').subarray(0, FIELD_BYTES_MAX);
  return Buffer.concat([Buffer.from([0xc0 | bytes.length]), bytes]);
};

const CHASSIS_RACK_MOUNT = 0x17;
const LANGUAGE_ENGLISH = 25;
const AREA_HEADS: readonly (readonly number[])[] = [
  [1, 0, CHASSIS_RACK_MOUNT],
  [1, 0, LANGUAGE_ENGLISH, 0, 0, 0],
  [1, 0, LANGUAGE_ENGLISH],
];

/** `records`: the bytes of its multi-record area. */
export function encodeFru(inventory: FruInventory, sizeBytes: number, records: Buffer = Buffer.alloc(0)): Buffer {
  const image = Buffer.alloc(sizeBytes);
  image[0] = 1;
  let offset = 8;
  AREAS.forEach((area, index) => {
    const fields = area.fields.map((field) => textField(inventory[field]));
    // Board and product areas have one more fixed field, the FRU file id, which readers expect before the end mark.
    if (area.name !== 'chassis') fields.push(textField(undefined));
    const bytes = closeArea(Buffer.concat([Buffer.from(AREA_HEADS[index]!), ...fields, Buffer.from([END_OF_FIELDS])]));
    image[area.at] = offset / 8;
    offset += bytes.copy(image, offset);
  });
  if (records.length > 0) {
    image[5] = offset / 8;
    records.copy(image, offset);
  }
  image[7] = -image.subarray(0, 7).reduce((sum, byte) => sum + byte, 0) & 0xff;
  return image;
}

/** 0..1 size | 2 bit 0: addressed by words */
export function decodeFruAreaInfo(data: Buffer): { sizeBytes: number; byWords: boolean } | Malformed {
  if (data.length < 3) return malformed('FRU area info is shorter than 3 bytes', data.length);
  return { sizeBytes: data.readUInt16LE(0), byWords: (data[2]! & 1) !== 0 };
}
