import type { JsonObject } from '../core/base/json.ts';
import { EPHEMERAL_FORMATS, type EphemeralFormat, type PartitionRequest } from '../deploy-agent/protocol.ts';

/** What `instance_info` says about the image, as arguments of the agent's `write_image`. */
export type ImagePlan = { readonly args: JsonObject } | { readonly problem: string };

/** A file of an image store: `ab/abcdef…` by SHA-512. */
const STORED = /^[0-9a-f]{2}\/[0-9a-f]{128}$/;
const COMPRESSION: Readonly<Record<string, string>> = { zst: 'zstd', gz: 'gzip', xz: 'xz' };
const ALGORITHM_BY_LENGTH: Readonly<Record<number, string>> = { 32: 'md5', 64: 'sha256', 128: 'sha512' };

/**
 * Ironic's keys: `image_source` (URL, or the name of a file on the boot server), `image_checksum` or `image_os_hash_algo` +
 * `image_os_hash_value`, `image_disk_format`. The checksum is of the bytes on the wire.
 */
export function planImage(info: JsonObject): ImagePlan {
  const source = info['image_source'];
  if (typeof source !== 'string' || source === '') return { problem: 'instance_info/image_source is missing.' };
  const isUrl = /^https?:\/\//.test(source);
  const stored = STORED.test(source) ? source : undefined;
  const name = source
    .replace(/^file:\/\//, '')
    .replace(/[?#].*$/, '')
    .split('/')
    .at(-1)!;
  if (!isUrl && source.includes('://') && !source.startsWith('file://'))
    return {
      problem: `instance_info/image_source has a scheme that is not served here: ${source}. Use http, https, or the name of an image on the boot server.`,
    };
  const checksum = String(info['image_os_hash_value'] ?? info['image_checksum'] ?? '').toLowerCase();
  const algorithm = String(info['image_os_hash_algo'] ?? ALGORITHM_BY_LENGTH[checksum.length] ?? '');
  if (!/^[0-9a-f]+$/.test(checksum))
    return {
      problem: 'instance_info has no image_checksum (or image_os_hash_value) in hex: an image that cannot be checked is not written.',
    };
  if (ALGORITHM_BY_LENGTH[checksum.length] !== algorithm)
    return { problem: `instance_info: ${checksum.length} hex digits are no ${algorithm || 'known'} checksum.` };
  const extension = name.split('.').at(-1)!;
  const compression = COMPRESSION[extension] ?? 'none';
  const inner = compression === 'none' ? name : name.slice(0, -extension.length - 1);
  const format = String(info['image_disk_format'] ?? (inner.endsWith('.qcow2') ? 'qcow2' : 'raw'));
  if (format !== 'raw' && format !== 'qcow2')
    return { problem: `instance_info/image_disk_format "${format}" is not written here: raw and qcow2 are.` };
  const size = Number(info['image_disk_size']);
  const partitions = planPartitions(info);
  if (partitions !== undefined && 'problem' in partitions) return partitions;
  return {
    args: {
      url: isUrl ? source : (stored ?? name),
      format,
      compression,
      checksum,
      checksumAlgorithm: algorithm,
      ...(Number.isSafeInteger(size) && size > 0 ? { diskSizeBytes: size } : {}),
      ...(partitions === undefined ? {} : { partitions: { ...partitions.request } }),
    },
  };
}

/** 16 TiB: more is a mistyped number. */
const PARTITION_GB_MAX = 16 * 1024;

/**
 * Ironic's keys of a partition image: `image_type: partition`, or a `kernel` and a `ramdisk` beside the image; `root_gb`, `swap_mb`,
 * `ephemeral_gb`, `ephemeral_format`, `preserve_ephemeral`. Undefined: the image is a whole disk.
 */
function planPartitions(info: JsonObject): { readonly request: PartitionRequest } | { readonly problem: string } | undefined {
  const type = info['image_type'] ?? (info['kernel'] != null && info['ramdisk'] != null ? 'partition' : 'whole-disk');
  if (type !== 'partition' && type !== 'whole-disk')
    return { problem: `instance_info/image_type "${JSON.stringify(type)}" is unknown: partition and whole-disk are.` };
  if (type === 'whole-disk') return undefined;
  const sizes = { root_gb: 0, swap_mb: 0, ephemeral_gb: 0 };
  for (const key of ['root_gb', 'swap_mb', 'ephemeral_gb'] as const) {
    const size = Number(info[key] ?? 0);
    const max = PARTITION_GB_MAX * (key === 'swap_mb' ? 1024 : 1);
    if (!Number.isInteger(size) || size < 0 || size > max)
      return { problem: `instance_info/${key} must be a whole number from 0 to ${max}.` };
    sizes[key] = size;
  }
  const format = info['ephemeral_format'] ?? 'ext4';
  if (!EPHEMERAL_FORMATS.includes(format as EphemeralFormat))
    return { problem: `instance_info/ephemeral_format ${JSON.stringify(format)} is not made here: ${EPHEMERAL_FORMATS.join(', ')} are.` };
  return {
    request: {
      ...(sizes.root_gb === 0 ? {} : { rootMib: sizes.root_gb * 1024 }),
      swapMib: sizes.swap_mb,
      ephemeralMib: sizes.ephemeral_gb * 1024,
      ephemeralFormat: format as EphemeralFormat,
      preserveEphemeral: /^(true|1|yes|on)$/i.test(String(info['preserve_ephemeral'] ?? false)),
    },
  };
}
