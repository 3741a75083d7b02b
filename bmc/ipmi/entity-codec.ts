/** What a sensor or a part is of (IPMI 2.0 table 43-13). */
const NAMES: readonly string[] =
  'unspecified,other,unknown,processor,disk,peripheral bay,system management module,system board,memory module,processor module,power supply,add-in card,front panel board,back panel board,power system board,drive backplane,internal expansion board,other system board,processor board,power unit,power module,power distribution board,chassis back panel board,system chassis,sub-chassis,other chassis board,disk drive bay,peripheral bay,device bay,fan,cooling unit,cable,memory device,system management software,system firmware,operating system,system bus,group,remote management device,external environment,battery,processing blade,connectivity switch,processor and memory module,I/O module,processor and I/O module,management controller firmware,IPMI channel,PCI bus,PCI Express bus,SCSI bus,SATA or SAS bus,processor bus,real-time clock,reserved,air inlet'.split(
    ',',
  );
/** DCMI's numbers of the same (DCMI 1.5 table 6-19). */
const OF_DCMI: Readonly<Record<number, string>> = { 0x40: 'air inlet', 0x41: 'processor', 0x42: 'system board' };
const CHASSIS_OWN = 0x90;
const BOARD_OWN = 0xb0;
const MAKERS_OWN = 0xd0;
/** From here on an instance counts within its controller, not within the system. */
const RELATIVE_INSTANCE = 0x60;

export interface EntityId {
  readonly id: number;
  /** Bit 7: a container, not a part by itself. */
  readonly instance: number;
}

function kindName(id: number): string {
  if (id >= MAKERS_OWN) return `maker's own part 0x${id.toString(16)}`;
  if (id >= BOARD_OWN) return `board's own part 0x${id.toString(16)}`;
  if (id >= CHASSIS_OWN) return `chassis' own part 0x${id.toString(16)}`;
  return OF_DCMI[id] ?? NAMES[id] ?? `part 0x${id.toString(16)}`;
}

/** `power supply 1`; undefined: it is of nothing in particular. */
export function entityName({ id, instance }: EntityId): string | undefined {
  if (id === 0) return undefined;
  const number = instance & 0x7f;
  return `${kindName(id)} ${number >= RELATIVE_INSTANCE ? `(own ${number - RELATIVE_INSTANCE})` : number}`;
}
