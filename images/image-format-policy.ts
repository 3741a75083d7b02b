/*
 * What the first bytes of an upload say that it is, and whether that is safe and true (CVE-2022-47951, CVE-2024-32498: a disk image that
 * names another file gives that file away when it is converted). Looked at are the headers that QEMU itself reads.
 */
export type KnownFormat = 'qcow2' | 'vmdk' | 'vhd' | 'vhdx' | 'vdi' | 'iso' | 'qed' | 'luks' | 'gpt';

/** ISO 9660's descriptor ends here; every other header is before. */
export const INSPECTED_BYTES = 36 * 1024;

const QCOW2_MAGIC = 'QFI\xfb';
/** Incompatible feature bit 2 (qemu docs/interop/qcow2): guest data are in another file. */
const QCOW2_EXTERNAL_DATA = 1n << 2n;
const SAFE_VMDK_TYPES = ['monolithicSparse', 'streamOptimized'];

const text = (head: Buffer, start: number, end: number) => head.toString('latin1', start, end);

export function recognize(head: Buffer): KnownFormat | undefined {
  if (text(head, 0, 4) === QCOW2_MAGIC) return 'qcow2';
  if (text(head, 0, 4) === 'KDMV' || text(head, 0, 21) === '# Disk DescriptorFile') return 'vmdk';
  if (text(head, 0, 8) === 'conectix') return 'vhd';
  if (text(head, 0, 8) === 'vhdxfile') return 'vhdx';
  if (head.length >= 68 && head.readUInt32LE(64) === 0xbe_da_10_7f) return 'vdi';
  if (text(head, 0, 4) === 'QED\0') return 'qed';
  if (text(head, 0, 6) === 'LUKS\xba\xbe') return 'luks';
  if (text(head, 32_769, 32_774) === 'CD001') return 'iso';
  if (text(head, 512, 520) === 'EFI PART') return 'gpt';
  return undefined;
}

/** Guest-visible bytes, where the header tells. */
export function virtualSizeOf(head: Buffer, format: KnownFormat | undefined): number | undefined {
  if (format === 'qcow2' && head.length >= 32) return Number(head.readBigUInt64BE(24));
  if (format === 'vhd' && head.length >= 56) return Number(head.readBigUInt64BE(48));
  if (format === 'vmdk' && text(head, 0, 4) === 'KDMV' && head.length >= 20) return Number(head.readBigUInt64LE(12)) * 512;
  if (format === 'vdi' && head.length >= 376) return Number(head.readBigUInt64LE(368));
  return undefined;
}

/** Formats whose files may hold one of these and be what they say: raw is any bytes, an ISO can have a partition table. */
const SAME: Readonly<Record<string, readonly (KnownFormat | undefined)[]>> = {
  raw: [undefined, 'gpt', 'iso', 'luks'],
  iso: ['iso', 'gpt', undefined],
  vhd: ['vhd', undefined],
  vhdx: ['vhdx', undefined],
  vdi: ['vdi', undefined],
  vmdk: ['vmdk', undefined],
  qcow2: ['qcow2', undefined],
  ploop: [undefined],
  ami: [undefined, 'gpt'],
  ari: [undefined],
  aki: [undefined],
};

/** Why these bytes are not taken under this name; undefined: they are. Bytes that nobody knows are nobody's lie. */
export function whyRefused(head: Buffer, diskFormat: string | null, containerFormat: string | null): string | undefined {
  // A container (OVA, Docker) holds its disk inside.
  if (containerFormat !== 'bare' && containerFormat !== null) return undefined;
  const format = recognize(head);
  if (diskFormat !== null && diskFormat in SAME && !SAME[diskFormat]!.includes(format))
    return `the content is ${format}, but the image says that it is ${diskFormat}`;
  if (format === 'qcow2') return whyUnsafeQcow2(head);
  if (format === 'vmdk') return whyUnsafeVmdk(head);
  if (format === 'vhd') return whyUnsafeVhd(head);
  return undefined;
}

/** Why a disk can not be made of these bytes, which were taken as an image; undefined: it can. */
export function whyNotConverted(head: Buffer): string | undefined {
  const format = recognize(head);
  const unsafe = whyRefused(head, null, 'bare');
  if (unsafe !== undefined || format !== 'qcow2') return unsafe;
  if (head.readUInt32BE(32) !== 0) return 'the qcow2 image is encrypted';
  const snapshots = head.readUInt32BE(60);
  return snapshots === 0 ? undefined : `the qcow2 image has ${snapshots} internal snapshots, which would be lost`;
}

function whyUnsafeQcow2(head: Buffer): string | undefined {
  const version = head.length < 8 ? 0 : head.readUInt32BE(4);
  if (head.length < (version >= 3 ? 80 : 72)) return 'the qcow2 header is cut off';
  if (head.readBigUInt64BE(8) !== 0n) return 'the qcow2 image has a backing file';
  if (version >= 3 && (head.readBigUInt64BE(72) & QCOW2_EXTERNAL_DATA) !== 0n) return 'the qcow2 image keeps its data in another file';
  return undefined;
}

/** Disk type 4 (Virtual Hard Disk Image Format Specification, "Hard Disk Footer Format"): the rest is in a parent. */
const VHD_DIFFERENCING = 4;

const whyUnsafeVhd = (head: Buffer): string | undefined =>
  head.length >= 64 && head.readUInt32BE(60) === VHD_DIFFERENCING ? 'the VHD image is the difference to another file' : undefined;

/** An extent's descriptor is inside it and in what we look at; one without capacity is only a descriptor, which may name any file. */
function whyUnsafeExtent(head: Buffer): string | undefined {
  if (head.length < 44) return 'the VMDK header is cut off';
  const [capacity, descriptor] = [head.readBigUInt64LE(12), head.readBigUInt64LE(28) * 512n];
  if (capacity === 0n) return 'the VMDK image has no disk of its own';
  return descriptor + 512n > BigInt(INSPECTED_BYTES) ? 'the VMDK descriptor is not at the beginning' : undefined;
}

function whyUnsafeVmdk(head: Buffer): string | undefined {
  const unsafeExtent = text(head, 0, 4) === 'KDMV' ? whyUnsafeExtent(head) : undefined;
  if (unsafeExtent !== undefined) return unsafeExtent;
  const descriptor = /createType\s*=\s*"([^"]*)"/.exec(text(head, 0, head.length))?.[1];
  if (descriptor === undefined) return text(head, 0, 4) === 'KDMV' ? undefined : 'the VMDK descriptor has no createType';
  return SAFE_VMDK_TYPES.includes(descriptor) ? undefined : `the VMDK image is of the type ${descriptor}, whose data are in other files`;
}
