import type { JsonObject } from '../../core/base/json.ts';
import { parseMacAddress } from '../../core/base/mac-address.ts';
import type { BmcConnection, BmcIdentity } from '../capability.ts';
import { numberAt, objectAt, optional, pathAt, textAt } from './json-codec.ts';
import { ignoreUnsupported, type RedfishTree } from './redfish-tree.ts';

export function redfishIdentity(tree: RedfishTree): Pick<BmcConnection, 'identity'> {
  return {
    async identity(signal) {
      const system = await tree.system(signal);
      const firmware = textAt(await tree.manager(signal).catch(ignoreUnsupported), 'FirmwareVersion');
      const nics = pathAt(system, 'EthernetInterfaces') ? await tree.members(system, 'EthernetInterfaces', signal) : [];
      return {
        ...optional('systemUuid', textAt(system, 'UUID')?.toLowerCase()),
        ...optional('manufacturer', textAt(system, 'Manufacturer')),
        ...optional('product', textAt(system, 'Model')),
        ...optional('serial', textAt(system, 'SerialNumber')),
        ...optional('assetTag', textAt(system, 'AssetTag')),
        ...optional('bmcFirmware', firmware),
        ...(await processorsOf(system, tree, signal)),
        ...memoryOf(system),
        nicMacs: nics.flatMap((nic) => parseMacAddress(textAt(nic, 'PermanentMACAddress') ?? textAt(nic, 'MACAddress') ?? '') ?? []),
      };
    },
  };
}

/** DSP0268, Processor.InstructionSet. */
const ARCHITECTURES: Readonly<Record<string, 'x86_64' | 'aarch64'>> = { 'x86-64': 'x86_64', 'ARM-A64': 'aarch64' };

async function processorsOf(system: JsonObject, tree: RedfishTree, signal: AbortSignal): Promise<Pick<BmcIdentity, 'processors'>> {
  const summary = objectAt(system, 'ProcessorSummary');
  const sockets = numberAt(summary, 'Count');
  if (sockets === undefined) return {};
  const [first] = pathAt(system, 'Processors') ? await tree.members(system, 'Processors', signal) : [];
  const architecture = first && ARCHITECTURES[textAt(first, 'InstructionSet') ?? ''];
  return {
    processors: { sockets, ...optional('threads', numberAt(summary, 'LogicalProcessorCount')), ...optional('architecture', architecture) },
  };
}

function memoryOf(system: JsonObject): Pick<BmcIdentity, 'memoryBytes'> {
  const gib = numberAt(objectAt(system, 'MemorySummary'), 'TotalSystemMemoryGiB');
  return gib === undefined ? {} : { memoryBytes: Math.round(gib * 2 ** 30) };
}
