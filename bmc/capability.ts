import type { Duplex } from 'node:stream';
import type { Secret } from '../core/base/secret.ts';
import type { BiosCalls } from './bios.ts';
import type { CertificateCalls } from './certificate.ts';
import type { EventCalls } from './event.ts';
import type { FirmwareCalls } from './firmware.ts';
import type { FrontPanelCalls } from './front-panel.ts';
import type { HardwareLogCalls } from './hardware-log.ts';
import type { NetworkLoginCalls } from './network-login.ts';
import type { PartCalls } from './part.ts';
import type { PlatformTrapCalls } from './platform-trap.ts';
import type { SecureBootCalls } from './secure-boot.ts';
import type { SensorCalls } from './sensor.ts';
import type { StorageCalls } from './storage.ts';
import type { TaskCalls } from './task.ts';
import type { VirtualMediaCalls } from './virtual-media.ts';

/**
 * What every BMC provider can do, whatever its protocol. `bmc/ipmi` and `bmc/redfish` both `satisfy` `ConnectBmc`;
 * `bmc/chooser.ts` picks one and records why another failed. Every call takes a deadline through its `AbortSignal`.
 */
export interface BmcAddress {
  /** In whose history its calls are told. Without it: the node that has this host in its `driver_info`. */
  readonly nodeId?: string;
  readonly protocol: 'ipmi' | 'redfish';
  readonly host: string;
  /** Default: 623 for IPMI (RMCP+), 443 for Redfish. */
  readonly port?: number;
  readonly username: string;
  readonly password: Secret;
  /** IPMI 2.0 table 22-20; default: 17, then 3. */
  readonly cipherSuite?: 3 | 17;
  /** Redfish: `https` unless stated. */
  readonly scheme?: 'https' | 'http';
  /** Redfish: path of the ComputerSystem, when a BMC has several. */
  readonly systemPath?: string;
  /** Redfish: PEM of the certificate to trust, `false` to accept any (the BMC's own self-signed one). */
  readonly trust?: string | false;
}

export type PowerState = 'on' | 'off';
export type PowerAction = 'on' | 'off' | 'soft-off' | 'reset' | 'cycle';
export type BootDevice = 'none' | 'network' | 'disk' | 'cdrom' | 'firmware-setup' | 'safe';
export type FirmwareMode = 'bios' | 'uefi';

export interface BootSetting {
  readonly device: BootDevice;
  /** False: the next power-on only. */
  readonly persistent: boolean;
  readonly firmwareMode?: FirmwareMode;
}

/** FRU and system identity as the BMC tells it. Absent where the BMC says nothing. */
export interface BmcIdentity {
  readonly systemUuid?: string;
  readonly manufacturer?: string;
  readonly product?: string;
  readonly serial?: string;
  readonly boardSerial?: string;
  readonly assetTag?: string;
  readonly bmcFirmware?: string;
  /** What each power supply can give, as the FRU says (IPMI only). */
  readonly powerSupplyWatts?: readonly number[];
  /** Where the maker would have it managed, as the FRU says (IPMI only). */
  readonly managementUrl?: string;
  /** The host's NICs as the BMC knows them (Redfish only). */
  readonly nicMacs?: readonly string[];
  /** Of all sockets together (Redfish only). */
  readonly processors?: { readonly sockets: number; readonly threads?: number; readonly architecture?: 'x86_64' | 'aarch64' };
  /** Redfish only. */
  readonly memoryBytes?: number;
}

export interface BmcUser {
  readonly id: number;
  readonly name: string;
  readonly enabled: boolean;
  readonly privilege: 'callback' | 'user' | 'operator' | 'administrator' | 'none';
}

export interface BmcLan {
  readonly ipAddress: string;
  readonly netmask: string;
  readonly gateway: string;
  readonly mac: string;
  readonly source: 'static' | 'dhcp' | 'other';
}

/** What a BMC or its protocol cannot do is refused with `unsupported`. */
export interface BmcConnection
  extends
    BiosCalls,
    CertificateCalls,
    EventCalls,
    FirmwareCalls,
    FrontPanelCalls,
    HardwareLogCalls,
    NetworkLoginCalls,
    PartCalls,
    PlatformTrapCalls,
    SecureBootCalls,
    SensorCalls,
    StorageCalls,
    TaskCalls,
    VirtualMediaCalls {
  readonly protocol: 'ipmi' | 'redfish';
  powerState(signal: AbortSignal): Promise<PowerState>;
  setPower(action: PowerAction, signal: AbortSignal): Promise<void>;
  bootSetting(signal: AbortSignal): Promise<BootSetting>;
  setBoot(setting: BootSetting, signal: AbortSignal): Promise<void>;
  /** How the firmware starts systems from now on. */
  firmwareMode(signal: AbortSignal): Promise<FirmwareMode>;
  setFirmwareMode(mode: FirmwareMode, signal: AbortSignal): Promise<void>;
  identity(signal: AbortSignal): Promise<BmcIdentity>;
  users(signal: AbortSignal): Promise<readonly BmcUser[]>;
  /** Makes or updates the user with this name, enabled and with administrator rights on the LAN channel. */
  putUser(name: string, password: Secret, signal: AbortSignal): Promise<BmcUser>;
  lan(signal: AbortSignal): Promise<BmcLan>;
  /**
   * The host's serial console; ends when either side closes. The newest wins over another session, unless `yields`: then a
   * console that somebody has is `busy`. (A Redfish console over SSH can not tell.)
   */
  openConsole(signal: AbortSignal, options?: { readonly yields?: boolean }): Promise<Duplex>;
  /** Where a person finds the host's screen. */
  graphicalConsole(signal: AbortSignal): Promise<GraphicalConsole>;
  close(): Promise<void>;
}

export interface GraphicalConsole {
  readonly isEnabled: boolean;
  /** The BMC's own pages, from which its console opens: how differs from maker to maker. */
  readonly page: string;
  readonly kinds: readonly string[];
  readonly sessionsMax?: number;
}

/** `retry`: the same call may work later. The others need a person or another provider. */
export type BmcErrorCode = 'timeout' | 'unreachable' | 'auth' | 'lockout' | 'busy' | 'unsupported' | 'refused' | 'protocol';

export class BmcError extends Error {
  override readonly name = 'BmcError';
  readonly code: BmcErrorCode;
  /** What to do next, for a person. */
  readonly advice: string;
  constructor(code: BmcErrorCode, message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.advice = advice;
  }
  get retryable(): boolean {
    return this.code === 'timeout' || this.code === 'unreachable' || this.code === 'busy';
  }
}
