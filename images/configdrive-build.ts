import { gzipSync } from 'node:zlib';
import type { JsonObject } from '../core/base/json.ts';
import { encodeIso9660 } from './iso9660-codec.ts';

/** Config drives as cloud-init's ConfigDrive source reads them: a file system with the label `config-2` and OpenStack's files. */
export interface ConfigDriveContent {
  readonly metaData: JsonObject;
  readonly userData?: string | Buffer;
  readonly networkData?: JsonObject;
  readonly vendorData?: JsonObject;
  readonly vendorData2?: JsonObject;
  /** To be written into the system: named in `meta_data.json`, kept beside it (nova, "File injection"). */
  readonly files?: readonly { readonly path: string; readonly contents: Buffer }[];
}

const LABEL = 'config-2';
const FOLDER = 'openstack/latest';

export function buildConfigDrive(content: ConfigDriveContent): Buffer {
  const json = (value: JsonObject) => Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
  const injected = (content.files ?? []).map(({ path, contents }, at) => ({
    path,
    contents,
    place: `content/${String(at).padStart(4, '0')}`,
  }));
  const named = injected.map(({ path, place }) => ({ path, content_path: `/${place}` }));
  const metaData = named.length === 0 ? content.metaData : { ...content.metaData, files: named };
  const files = new Map<string, Buffer>([[`${FOLDER}/meta_data.json`, json(metaData)]]);
  for (const { place, contents } of injected) files.set(`openstack/${place}`, contents);
  if (content.userData !== undefined) files.set(`${FOLDER}/user_data`, Buffer.from(content.userData as string));
  if (content.networkData) files.set(`${FOLDER}/network_data.json`, json(content.networkData));
  if (content.vendorData) files.set(`${FOLDER}/vendor_data.json`, json(content.vendorData));
  if (content.vendorData2) files.set(`${FOLDER}/vendor_data2.json`, json(content.vendorData2));
  return encodeIso9660(LABEL, files);
}

/** The form of the Bare Metal API: base64 of the gzip. */
export const encodeConfigDrive = (image: Buffer): string => gzipSync(image).toString('base64');
