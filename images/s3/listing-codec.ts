/*
 * What S3's lists say (API Reference, ListObjectsV2 and ListMultipartUploads), as far as it is needed here. Keys are ours and plain; others come
 * with XML's five entities.
 */
export interface ListedObject {
  readonly key: string;
  readonly madeMs: number;
}

export interface ListedUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly madeMs: number;
}

export interface Listing<Entry> {
  readonly entries: readonly Entry[];
  /** Query of the next page; undefined: this was the last. */
  readonly next: Readonly<Record<string, string>> | undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const plain = (text: string) => text.replace(/&(amp|lt|gt|quot|apos);/g, (_all, name: string) => ENTITIES[name]!);
const field = (xml: string, name: string): string => plain(new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '');
const all = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map((match) => match[1]!);
const isTruncated = (xml: string) => field(xml, 'IsTruncated') === 'true';

export function decodeObjects(xml: string): Listing<ListedObject> {
  const entries = all(xml, 'Contents').map((one) => ({ key: field(one, 'Key'), madeMs: Date.parse(field(one, 'LastModified')) }));
  return { entries, next: isTruncated(xml) ? { 'continuation-token': field(xml, 'NextContinuationToken') } : undefined };
}

export function decodeUploads(xml: string): Listing<ListedUpload> {
  const entries = all(xml, 'Upload').map((one) => ({
    key: field(one, 'Key'),
    uploadId: field(one, 'UploadId'),
    madeMs: Date.parse(field(one, 'Initiated')),
  }));
  const next = { 'key-marker': field(xml, 'NextKeyMarker'), 'upload-id-marker': field(xml, 'NextUploadIdMarker') };
  return { entries, next: isTruncated(xml) ? next : undefined };
}
