import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { decodeDestinationAddress, decodeDestinationType } from '../../../bmc/ipmi/alert-destination-codec.ts';
import { LAN_PARAMETER } from '../../../bmc/ipmi/lan-config-codec.ts';
import { PEF_PARAMETER } from '../../../bmc/ipmi/pef-codec.ts';
import { encodePlatformTrap } from '../../../bmc/platform-trap-codec.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { BmcModel } from '../bmc-model.ts';
import { pefKey, type PefAlert } from '../state/pef-state.ts';
import { EMULATED_SENSORS } from '../state/sensor-table.ts';
import { MANUFACTURER_ID, PRODUCT_ID } from './app-commands.ts';
import { lanValue } from './transport-commands.ts';

/** Sends traps to the destinations of the LAN channel, again and again until somebody acknowledges them, where the destination wants that (IPMI 2.0 §17.11). */
export interface TrapSender {
  close(): Promise<void>;
}

const POWER_UNIT_ENTITY = 0x13;
const NO_ENTITY = 0;

export function createTrapSender(bmc: BmcModel, settings: { address: string; trapPort: number }): TrapSender {
  /** From the first trap on: of a fleet's thousands few send any. */
  let opening: Promise<Socket> | undefined;
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = createSocket(isIPv6(settings.address) ? 'udp6' : 'udp4');
      socket.once('error', reject);
      socket.bind(0, settings.address, () => {
        socket.off('error', reject);
        socket.on('error', (error) => bmc.record('bmc.traps', `${bmc.name}: ${error.message}`, undefined, 'warning'));
        resolve(socket);
      });
    });
  const startedAtMs = bmc.clock.nowMs();
  let isClosed = false;
  let sequence = 0;

  bmc.pef.send = async (alert) => {
    const type = decodeDestinationType(lanValue(bmc, LAN_PARAMETER.destinationType, alert.destination)!);
    const address = decodeDestinationAddress(lanValue(bmc, LAN_PARAMETER.destinationAddress, alert.destination)!);
    if (isMalformed(type) || isMalformed(address) || address === undefined || address === '0.0.0.0' || !type.isTrap) return false;
    if (isIPv6(address) !== isIPv6(settings.address)) return false;
    sequence = (sequence + 1) & 0xffff;
    const { bytes, acknowledgement } = encodePlatformTrap({
      community: lanValue(bmc, LAN_PARAMETER.community)!.toString('latin1').replace(/\0.*$/s, ''),
      agentAddress: bmc.lan.ipAddress,
      uptimeMs: bmc.clock.nowMs() - startedAtMs,
      guid: bmc.identity.uuid,
      sequence,
      atSeconds: bmc.eventLog.nowSeconds(),
      severity: alert.severity,
      ...entityOf(alert),
      manufacturerId: MANUFACTURER_ID,
      systemId: PRODUCT_ID,
      event: eventOf(alert),
      text: textOf(bmc, alert.string),
    });
    const socket = await (opening ??= open());
    for (let attempt = 0; attempt <= type.retries; attempt += 1) {
      if (isClosed) return false;
      if (!bmc.faults.happens('packetLoss')) socket.send(bytes, settings.trapPort, address);
      if (!type.isAcknowledged) return true;
      if (await bmc.pef.acknowledged(acknowledgement, type.waitSeconds * 1000)) return true;
    }
    bmc.record('bmc.trap-unanswered', `${bmc.name}: nobody at ${address} acknowledged trap ${sequence}`, { address, sequence }, 'warning');
    return false;
  };
  return {
    async close() {
      isClosed = true;
      const socket = await opening?.catch(() => undefined);
      await new Promise<void>((resolve) => (socket === undefined ? resolve() : socket.close(() => resolve())));
    },
  };
}

const eventOf = ({ record }: PefAlert) =>
  record && { device: record[7]!, sensorType: record[10]!, sensor: record[11]!, trigger: record[12]!, data: record.subarray(13, 16) };

function entityOf({ record }: PefAlert): { entity: number; entityInstance: number } {
  if (record === undefined) return { entity: NO_ENTITY, entityInstance: 0 };
  const sensor = EMULATED_SENSORS.find(({ number }) => number === record[11]);
  return { entity: sensor?.entity ?? POWER_UNIT_ENTITY, entityInstance: 1 };
}

const textOf = (bmc: BmcModel, string: number): string =>
  (bmc.parameters.get(pefKey(PEF_PARAMETER.strings, string)) ?? Buffer.alloc(0)).toString('latin1').replace(/\0.*$/s, '');
