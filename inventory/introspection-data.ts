import type { JsonObject } from '../core/base/json.ts';
import type { Inventory } from '../deploy-agent/protocol.ts';

/*
 * An inspection in the words of ironic-inspector ("Introspection data"): what its clients read, and what rules written for it
 * name. Fields of which we know nothing are absent.
 */
const MIB = 2 ** 20;
const GIB = 2 ** 30;

export function introspectionData(inventory: Inventory): JsonObject {
  const { system, cpu, memory, disks, nics, boot, bmc } = inventory;
  const sizes = disks.map((disk) => disk.sizeBytes).filter((size) => size > 0);
  const named = <Value>(pairs: readonly (readonly [string, Value])[]) => Object.fromEntries(pairs) as JsonObject;
  const interfaces = named(nics.map((nic) => [nic.name, { mac: nic.mac, ip: nic.ipAddress ?? null, client_id: null }]));
  const [root] = disks.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  return {
    cpus: cpu.threads,
    cpu_arch: cpu.architecture,
    memory_mb: Math.floor(memory.totalBytes / MIB),
    ...(sizes.length === 0 ? {} : { local_gb: Math.max(1, Math.floor(Math.min(...sizes) / GIB)) }),
    macs: nics.map((nic) => nic.mac),
    all_interfaces: interfaces,
    interfaces,
    ...(bmc?.ipAddress === undefined ? {} : { ipmi_address: bmc.ipAddress }),
    ...(root === undefined ? {} : { root_disk: diskView(root) }),
    inventory: {
      bmc_address: bmc?.ipAddress ?? null,
      system_vendor: {
        manufacturer: system.manufacturer ?? '',
        product_name: system.product ?? '',
        serial_number: system.serial ?? '',
        ...(system.firmwareVersion === undefined
          ? {}
          : { firmware: { vendor: system.firmwareVendor ?? '', version: system.firmwareVersion, build_date: system.firmwareDate ?? '' } }),
      },
      boot: { current_boot_mode: boot.firmwareMode },
      cpu: { model_name: cpu.model, count: cpu.threads, architecture: cpu.architecture, flags: [...cpu.flags] },
      memory: { total: memory.totalBytes, physical_mb: Math.floor(memory.totalBytes / MIB) },
      disks: disks.map(diskView),
      interfaces: nics.map((nic) => ({
        name: nic.name,
        mac_address: nic.mac,
        ipv4_address: nic.ipAddress ?? null,
        has_carrier: nic.hasCarrier,
        vendor: nic.vendor ?? null,
        product: nic.device ?? null,
        speed_mbps: nic.speedMbps ?? null,
      })),
    },
  };
}

const diskView = (disk: Inventory['disks'][number]): JsonObject => ({
  name: disk.device,
  size: disk.sizeBytes,
  model: disk.model ?? null,
  vendor: disk.vendor ?? null,
  serial: disk.serial ?? null,
  wwn: disk.wwn ?? null,
  hctl: disk.hctl ?? null,
  by_path: disk.byPath ?? null,
  rotational: disk.rotational,
});
