import type { Segment } from '../../storage/object-storage.ts';
import { isoTime } from './object-headers.ts';

/** The manifest as it is stored in Swift's form, or (`raw`) as a client would send it again. */
export function manifestText(manifest: readonly Segment[], isRaw: boolean): string {
  const rangeOf = ({ range }: Segment) => (range === undefined ? {} : { range: `${range[0]}-${range[1]}` });
  if (isRaw)
    return JSON.stringify(
      manifest.map((one) =>
        one.data === undefined ? { path: one.path, etag: one.etag, size_bytes: one.bytes, ...rangeOf(one) } : { data: one.data },
      ),
    );
  return JSON.stringify(
    manifest.map((one) =>
      one.data === undefined
        ? {
            name: one.path,
            hash: one.etag,
            bytes: one.bytes,
            content_type: one.contentType,
            last_modified: isoTime(one.modifiedUs ?? 0),
            ...rangeOf(one),
            ...(one.isManifest ? { sub_slo: true } : {}),
          }
        : { data: one.data },
    ),
  );
}
