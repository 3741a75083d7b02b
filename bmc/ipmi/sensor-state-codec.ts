/** What the states of discrete sensors mean: generic ones (IPMI 2.0 table 42-2) and those of a sensor type (table 42-3). */
const SENSOR_TYPES: readonly string[] =
  'reserved,Temperature,Voltage,Current,Fan,Physical Security,Platform Security,Processor,Power Supply,Power Unit,Cooling Device,Other Units,Memory,Drive Bay,POST Memory Resize,System Firmware,Event Log,Watchdog 1,System Event,Critical Interrupt,Button,Module / Board,Microcontroller,Add-in Card,Chassis,Chip Set,Other FRU,Cable,Terminator,System Boot,Boot Error,OS Boot,OS Stop,Slot / Connector,System ACPI Power State,Watchdog 2,Platform Alert,Entity Presence,Monitor ASIC,LAN,Management Subsystem,Battery,Session Audit,Version Change,FRU State'.split(
    ',',
  );
export const sensorTypeName = (type: number): string => SENSOR_TYPES[type] ?? (type >= 0xc0 ? 'OEM' : 'reserved');

const THRESHOLD_EVENTS = [
  'lower non-critical going low',
  'lower non-critical going high',
  'lower critical going low',
  'lower critical going high',
  'lower non-recoverable going low',
  'lower non-recoverable going high',
  'upper non-critical going low',
  'upper non-critical going high',
  'upper critical going low',
  'upper critical going high',
  'upper non-recoverable going low',
  'upper non-recoverable going high',
];

const GENERIC: Readonly<Record<number, readonly string[]>> = {
  0x01: THRESHOLD_EVENTS,
  0x02: ['idle', 'active', 'busy'],
  0x03: ['state deasserted', 'state asserted'],
  0x04: ['predictive failure deasserted', 'predictive failure asserted'],
  0x05: ['limit not exceeded', 'limit exceeded'],
  0x06: ['performance met', 'performance lags'],
  0x07: [
    'ok',
    'to non-critical',
    'to critical from less severe',
    'to non-recoverable from less severe',
    'to non-critical from more severe',
    'to critical from non-recoverable',
    'to non-recoverable',
    'monitor',
    'informational',
  ],
  0x08: ['absent', 'present'],
  0x09: ['disabled', 'enabled'],
  0x0a: ['running', 'in test', 'power off', 'on line', 'off line', 'off duty', 'degraded', 'power save', 'install error'],
  0x0b: [
    'fully redundant',
    'redundancy lost',
    'redundancy degraded',
    'non-redundant from redundant',
    'non-redundant from insufficient resources',
    'non-redundant: insufficient resources',
    'redundancy degraded from fully redundant',
    'redundancy degraded from non-redundant',
  ],
  0x0c: ['D0 power state', 'D1 power state', 'D2 power state', 'D3 power state'],
};

const SPECIFIC: Readonly<Record<number, readonly string[]>> = {
  0x05: ['general chassis intrusion', 'drive bay intrusion', 'I/O area intrusion', 'processor area intrusion', 'LAN leash lost'],
  0x07: [
    'IERR',
    'thermal trip',
    'FRB1 / BIST failure',
    'FRB2 / hang in POST',
    'FRB3 / start failure',
    'configuration error',
    'uncorrectable CPU error',
    'presence detected',
    'disabled',
    'terminator presence',
    'throttled',
    'machine check',
    'correctable machine check',
  ],
  0x08: [
    'presence detected',
    'failure detected',
    'predictive failure',
    'input lost',
    'input lost or out of range',
    'input out of range',
    'configuration error',
    'inactive',
  ],
  0x09: [
    'power off/down',
    'power cycle',
    '240 VA power down',
    'interlock power down',
    'AC lost',
    'soft power control failure',
    'power unit failure',
    'predictive failure',
  ],
  0x0c: [
    'correctable ECC',
    'uncorrectable ECC',
    'parity',
    'scrub failed',
    'device disabled',
    'ECC logging limit reached',
    'presence detected',
    'configuration error',
    'spare',
    'throttled',
    'critical overtemperature',
  ],
  0x0d: [
    'drive present',
    'drive fault',
    'predictive failure',
    'hot spare',
    'parity check in progress',
    'in critical array',
    'in failed array',
    'rebuild in progress',
    'rebuild aborted',
  ],
  0x0f: ['firmware error', 'firmware hang', 'firmware progress'],
  0x10: [
    'correctable memory error logging disabled',
    'event type logging disabled',
    'log area cleared',
    'all event logging disabled',
    'log full',
    'log almost full',
  ],
  0x12: [
    'system reconfigured',
    'OEM system boot',
    'undetermined hardware failure',
    'entry added to auxiliary log',
    'PEF action',
    'timestamp clock sync',
  ],
  0x13: [
    'front panel NMI / diagnostic interrupt',
    'bus timeout',
    'I/O channel check NMI',
    'software NMI',
    'PCI PERR',
    'PCI SERR',
    'EISA failsafe timeout',
    'bus correctable error',
    'bus uncorrectable error',
    'fatal NMI',
    'bus fatal error',
    'bus degraded',
  ],
  0x14: ['power button pressed', 'sleep button pressed', 'reset button pressed', 'FRU latch open', 'FRU service request'],
  0x1d: [
    'initiated by power up',
    'initiated by hard reset',
    'initiated by warm reset',
    'user requested PXE boot',
    'automatic boot to diagnostic',
    'OS initiated hard reset',
    'OS initiated warm reset',
    'system restart',
  ],
  0x1e: ['no bootable media', 'non-bootable disk in drive', 'PXE server not found', 'invalid boot sector', 'timeout waiting for selection'],
  0x1f: [
    'A: boot completed',
    'C: boot completed',
    'PXE boot completed',
    'diagnostic boot completed',
    'CD-ROM boot completed',
    'ROM boot completed',
    'boot completed',
  ],
  0x20: [
    'critical stop during OS load',
    'run-time critical stop',
    'OS graceful stop',
    'OS graceful shutdown',
    'PEF initiated soft shutdown',
    'agent not responding',
  ],
  0x22: [
    'S0/G0: working',
    'S1: sleeping',
    'S2: sleeping',
    'S3: sleeping',
    'S4: suspended to disk',
    'S5/G2: soft-off',
    'S4/S5: soft-off',
    'G3: mechanical off',
  ],
  0x23: ['timer expired', 'hard reset', 'power down', 'power cycle', 'reserved', 'reserved', 'reserved', 'reserved', 'timer interrupt'],
  0x25: ['present', 'absent', 'disabled'],
  0x29: ['low', 'failed', 'presence detected'],
  0x2a: ['activated', 'deactivated', 'invalid user name or password', 'invalid password disable'],
  0x2b: [
    'change detected',
    'firmware or software change detected',
    'hardware incompatibility detected',
    'firmware or software incompatibility detected',
  ],
};

const SENSOR_SPECIFIC = 0x6f;

/** A state in words; one that no table has stays a number. */
export function stateName(eventType: number, sensorType: number, offset: number): string {
  const words = eventType === SENSOR_SPECIFIC ? SPECIFIC[sensorType] : GENERIC[eventType];
  return words?.[offset] ?? `state ${offset}`;
}

const STATES_MAX = 15;
export const stateNames = (eventType: number, sensorType: number, states: number): string[] =>
  Array.from({ length: STATES_MAX }, (_each, offset) => offset)
    .filter((offset) => (states >> offset) & 1)
    .map((offset) => stateName(eventType, sensorType, offset));

const CRITICAL =
  /critical|failure|failed|uncorrect|fault|IERR|thermal trip|fatal|lost|non-recoverable|stop|expired|machine check|intrusion/i;
const WARNING = /predictive|degraded|correctable|limit exceeded|throttled|lags|almost|absent|error|cleared|full|NMI/i;

export function severityOfState(name: string): 'ok' | 'warning' | 'critical' {
  if (/predictive|^correctable|non-critical/i.test(name)) return 'warning';
  return CRITICAL.test(name) ? 'critical' : WARNING.test(name) ? 'warning' : 'ok';
}
