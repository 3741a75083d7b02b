import type { Secret } from '../../core/base/secret.ts';
import type { Trust } from '../../core/transfer/trusted-connection.ts';
import { createEosSwitchDriver } from './eos-switch-driver.ts';
import { createOvsSwitchDriver, type OvsOptions } from './ovs-switch-driver.ts';
import type { SwitchDriver } from './switch-driver.ts';

/** A switch as the configuration names it. */
export interface SwitchSettings {
  readonly name: string;
  /** Of its LLDP, in canonical form: how ports of machines name it. */
  readonly chassisMac: string;
  readonly physicalNetwork: string;
  /** Names of ports that may be changed, `*` for any characters; null: all that machines are said to be plugged into. */
  readonly touches: readonly string[] | null;
  readonly access: EosAccess | OvsAccess;
}

export interface EosAccess {
  readonly driver: 'eos';
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: Secret;
  readonly trust: Trust;
  readonly savesConfiguration: boolean;
}

export interface OvsAccess extends Pick<OvsOptions, 'remotes' | 'tls' | 'bridge'> {
  readonly driver: 'ovs';
}

/** `onChange`: the switch told by itself that something is different now; not every driver hears that. */
export const connectSwitch = ({ access }: SwitchSettings, onChange?: () => void): SwitchDriver =>
  access.driver === 'eos'
    ? createEosSwitchDriver(access)
    : createOvsSwitchDriver({ ...access, ...(onChange === undefined ? {} : { onChange }) });
