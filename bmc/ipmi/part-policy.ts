import type { HardwarePart } from '../part.ts';
import { entityName, type EntityId } from './entity-codec.ts';
import type { SdrRecord } from './sdr-record-codec.ts';
import { sensorTypeName } from './sensor-state-codec.ts';

/** What a BMC's records tell of the machine's parts; no record is dropped. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'IPMB',
  2: 'ICMB 1.0',
  4: 'SMBus',
  5: 'KCS',
  6: 'SMIC',
  7: 'BT 10',
  8: 'BT 15',
  9: 'terminal mode',
};
const hex = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;
const ofEntity = (entity: EntityId): { entity?: string } => {
  const name = entityName(entity);
  return name === undefined ? {} : { entity: name };
};

/** One container may have several records, and a range stands for all in it. */
function contentsOf(records: readonly SdrRecord[]): Map<string, string[]> {
  const contents = new Map<string, string[]>();
  for (const record of records) {
    if (record.kind !== 'association') continue;
    const container = entityName(record.container) ?? 'the system';
    const members = record.isRange ? rangesOf(record.contained) : record.contained;
    const names = members.map((each) => entityName(each)).filter((each) => each !== undefined);
    contents.set(container, [...(contents.get(container) ?? []), ...names]);
  }
  return contents;
}

function rangesOf(pairs: readonly EntityId[]): EntityId[] {
  const members: EntityId[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const [first, last] = [pairs[at]!, pairs[at + 1]!];
    for (let instance = first.instance; instance <= last.instance; instance += 1) members.push({ id: first.id, instance });
  }
  return members;
}

function partOf(record: SdrRecord): HardwarePart[] {
  switch (record.kind) {
    case 'full':
    case 'compact':
    case 'association':
      return [];
    case 'event-only':
      return [
        { kind: 'event sensor', name: record.name, ...ofEntity(record.entity), detail: `tells of ${sensorTypeName(record.sensorType)}` },
      ];
    case 'fru-locator':
      return [
        { kind: 'fru', name: record.name, ...ofEntity(record.entity), detail: `inventory ${record.device} at ${hex(record.address)}` },
      ];
    case 'controller-locator':
      return [{ kind: 'controller', name: record.name, ...ofEntity(record.entity), detail: `at ${hex(record.address)}` }];
    case 'device-locator':
      return [
        {
          kind: 'device',
          name: record.name,
          ...ofEntity(record.entity),
          detail: `type ${hex(record.deviceType)} at ${hex(record.address)}`,
        },
      ];
    case 'controller-confirmation': {
      const { address, firmware, manufacturerId, productId } = record;
      return [
        { kind: 'controller', name: hex(address), detail: `seen with firmware ${firmware}, maker ${manufacturerId}, product ${productId}` },
      ];
    }
    case 'channel-info':
      return record.protocols.flatMap((protocol, channel) =>
        protocol === undefined
          ? []
          : [{ kind: 'channel' as const, name: `channel ${channel}`, detail: PROTOCOLS[protocol] ?? `protocol ${hex(protocol)}` }],
      );
    case 'oem':
      return [{ kind: 'record', name: `of maker ${record.manufacturerId}`, detail: record.bytes.toString('hex') }];
    case 'unknown':
      return [{ kind: 'record', name: `of type ${hex(record.type)}`, detail: 'not understood' }];
  }
}

export const partsOf = (records: readonly SdrRecord[]): readonly HardwarePart[] => [
  ...records.flatMap(partOf),
  ...[...contentsOf(records)].map(([name, contains]): HardwarePart => ({ kind: 'container', name, contains })),
];
