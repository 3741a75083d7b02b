/**
 * Writes ISO 9660 file systems (ECMA-119) with Joliet names, so that Linux and Windows see the names as they were given.
 * Both-endian fields are written as 733 and 723 in the standard's words.
 *
 *   sector 16   primary volume descriptor        17  supplementary (Joliet, UCS-2 level 3: escape "%/E")      18  terminator
 *   19-22       path tables: primary L and M, Joliet L and M
 *   then        directories of the primary tree, directories of the Joliet tree, files (shared by both)
 *   record      length u8@0 | extent 733@2 | size 733@10 | date@18 | flags@25 (2: directory) | volume 723@28 | name length u8@32 | name
 */
const SECTOR_BYTES = 2048;
const FIRST_FREE_SECTOR = 23;
/** Level 2: longer names would need cutting, and a config drive has none. */
const NAME_MAX = 30;

interface Folder {
  readonly name: string;
  readonly folders: Map<string, Folder>;
  readonly files: Map<string, Buffer>;
}

interface Place {
  readonly sector: number;
  readonly bytes: number;
}

interface Encoding {
  name(name: string, isFolder: boolean): Buffer;
}

const PRIMARY: Encoding = {
  name: (name, isFolder) => {
    const upper = name.toUpperCase().replace(/[^A-Z0-9_.]/g, '_');
    return Buffer.from(isFolder ? upper.replaceAll('.', '_') : `${upper.includes('.') ? upper : `${upper}.`};1`, 'latin1');
  },
};
const JOLIET: Encoding = { name: (name, isFolder) => Buffer.from(isFolder ? name : `${name};1`, 'utf16le').swap16() };

function buildTree(files: ReadonlyMap<string, Buffer>): Folder {
  const root: Folder = { name: '', folders: new Map(), files: new Map() };
  for (const [path, data] of files) {
    const parts = path.split('/');
    const fileName = parts.pop()!;
    let folder = root;
    for (const part of parts) {
      if (!folder.folders.has(part)) folder.folders.set(part, { name: part, folders: new Map(), files: new Map() });
      folder = folder.folders.get(part)!;
    }
    if ([...parts, fileName].some((part) => part === '' || part.length > NAME_MAX)) throw new Error(`${path} is no name for a disc`);
    folder.files.set(fileName, data);
  }
  return root;
}

/** Breadth first: the order that path tables want. */
function listFolders(root: Folder): { readonly folder: Folder; readonly parent: number }[] {
  const list = [{ folder: root, parent: 0 }];
  for (let index = 0; index < list.length; index += 1) {
    for (const name of [...list[index]!.folder.folders.keys()].sort())
      list.push({ folder: list[index]!.folder.folders.get(name)!, parent: index });
  }
  return list;
}

const both32 = (buffer: Buffer, value: number, at: number) => {
  buffer.writeUInt32LE(value, at);
  buffer.writeUInt32BE(value, at + 4);
};
const both16 = (buffer: Buffer, value: number, at: number) => {
  buffer.writeUInt16LE(value, at);
  buffer.writeUInt16BE(value, at + 2);
};

/** 2023-01-01 00:00 UTC for everything: the same content gives the same bytes. */
const RECORD_DATE = Buffer.from([123, 1, 1, 0, 0, 0, 0]);

function encodeRecord(name: Buffer, place: Place, isFolder: boolean): Buffer {
  const length = 33 + name.length + ((name.length + 1) % 2);
  const record = Buffer.alloc(length);
  record[0] = length;
  both32(record, place.sector, 2);
  both32(record, place.bytes, 10);
  RECORD_DATE.copy(record, 18);
  record[25] = isFolder ? 2 : 0;
  both16(record, 1, 28);
  record[32] = name.length;
  name.copy(record, 33);
  return record;
}

/** Records never cross a sector. */
function packRecords(records: readonly Buffer[]): Buffer {
  const chunks: Buffer[] = [];
  let used = 0;
  for (const record of records) {
    const left = SECTOR_BYTES - (used % SECTOR_BYTES);
    if (left < record.length) {
      chunks.push(Buffer.alloc(left));
      used += left;
    }
    chunks.push(record);
    used += record.length;
  }
  chunks.push(Buffer.alloc((SECTOR_BYTES - (used % SECTOR_BYTES)) % SECTOR_BYTES));
  return Buffer.concat(chunks);
}

type Folders = ReturnType<typeof listFolders>;

function encodeFolder(
  index: number,
  folders: Folders,
  places: readonly Place[],
  filePlaces: ReadonlyMap<Buffer, Place>,
  encoding: Encoding,
): Buffer {
  const { folder, parent } = folders[index]!;
  const self = places[index] ?? { sector: 0, bytes: 0 };
  const children = [
    ...[...folder.folders.values()].map((child) => {
      const at = folders.findIndex((one) => one.folder === child);
      return {
        name: encoding.name(child.name, true),
        record: (name: Buffer) => encodeRecord(name, places[at] ?? { sector: 0, bytes: 0 }, true),
      };
    }),
    ...[...folder.files].map(([name, data]) => ({
      name: encoding.name(name, false),
      record: (encoded: Buffer) => encodeRecord(encoded, filePlaces.get(data)!, false),
    })),
  ].sort((a, b) => Buffer.compare(a.name, b.name));
  const own = encodeRecord(Buffer.from([0]), self, true);
  const above = encodeRecord(Buffer.from([1]), places[parent] ?? self, true);
  return packRecords([own, above, ...children.map((child) => child.record(child.name))]);
}

function encodePathTable(folders: Folders, places: readonly Place[], encoding: Encoding, isBig: boolean): Buffer {
  const rows = folders.map(({ folder, parent }, index) => {
    const name = index === 0 ? Buffer.from([0]) : encoding.name(folder.name, true);
    const row = Buffer.alloc(8 + name.length + (name.length % 2));
    row[0] = name.length;
    if (isBig) row.writeUInt32BE(places[index]!.sector, 2);
    else row.writeUInt32LE(places[index]!.sector, 2);
    if (isBig) row.writeUInt16BE(parent + 1, 6);
    else row.writeUInt16LE(parent + 1, 6);
    name.copy(row, 8);
    return row;
  });
  return Buffer.concat(rows);
}

interface Volume {
  readonly label: string;
  readonly sectors: number;
  readonly root: Place;
  readonly pathTableBytes: number;
  readonly pathTables: readonly [little: number, big: number];
  readonly isJoliet: boolean;
}

function encodeDescriptor(volume: Volume): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  const text = (value: string, at: number, length: number) => {
    const field = volume.isJoliet
      ? Buffer.from(value.padEnd(length / 2, ' ').slice(0, Math.floor(length / 2)), 'utf16le').swap16()
      : Buffer.from(value.padEnd(length, ' '), 'latin1');
    field.copy(sector, at, 0, length);
  };
  sector[0] = volume.isJoliet ? 2 : 1;
  sector.write('CD001', 1, 'latin1');
  sector[6] = 1;
  text('', 8, 32);
  text(volume.label, 40, 32);
  both32(sector, volume.sectors, 80);
  if (volume.isJoliet) sector.write('%/E', 88, 'latin1');
  both16(sector, 1, 120);
  both16(sector, 1, 124);
  both16(sector, SECTOR_BYTES, 128);
  both32(sector, volume.pathTableBytes, 132);
  sector.writeUInt32LE(volume.pathTables[0], 140);
  sector.writeUInt32BE(volume.pathTables[1], 148);
  encodeRecord(Buffer.from([0]), volume.root, true).copy(sector, 156);
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const)
    text('', at, length);
  // Created and modified; expires and effective are "not specified".
  for (const at of [813, 830]) sector.write('2023010100000000', at, 'latin1');
  for (const at of [847, 864]) sector.write('0000000000000000', at, 'latin1');
  sector[881] = 1;
  return sector;
}

/** `files`: path with slashes to content. The label is kept as it is, also in lower case, as cloud-init looks for it. */
export function encodeIso9660(label: string, files: ReadonlyMap<string, Buffer>): Buffer {
  const folders = listFolders(buildTree(files));
  let sector = FIRST_FREE_SECTOR;
  const place = (bytes: number): Place => {
    const placed = { sector, bytes };
    sector += Math.max(1, Math.ceil(bytes / SECTOR_BYTES));
    return placed;
  };
  const dummyFiles = new Map([...files.values()].map((data) => [data, { sector: 0, bytes: 0 }] as const));
  const placesOf = (encoding: Encoding) => folders.map((_, index) => place(encodeFolder(index, folders, [], dummyFiles, encoding).length));
  const primaryPlaces = placesOf(PRIMARY);
  const jolietPlaces = placesOf(JOLIET);
  const filePlaces = new Map([...files.values()].map((data) => [data, place(data.length)] as const));
  const disc = Buffer.alloc(sector * SECTOR_BYTES);
  const put = (at: number, data: Buffer) => data.copy(disc, at * SECTOR_BYTES);
  for (const [encoding, places, isJoliet] of [
    [PRIMARY, primaryPlaces, false],
    [JOLIET, jolietPlaces, true],
  ] as const) {
    const little = encodePathTable(folders, places, encoding, false);
    const tables = isJoliet ? ([21, 22] as const) : ([19, 20] as const);
    put(
      isJoliet ? 17 : 16,
      encodeDescriptor({ label, sectors: sector, root: places[0]!, pathTableBytes: little.length, pathTables: tables, isJoliet }),
    );
    put(tables[0], little);
    put(tables[1], encodePathTable(folders, places, encoding, true));
    folders.forEach((_, index) => put(places[index]!.sector, encodeFolder(index, folders, places, filePlaces, encoding)));
  }
  put(18, Buffer.from([255, ...Buffer.from('CD001'), 1]));
  for (const [data, at] of filePlaces) put(at.sector, data);
  return disc;
}
