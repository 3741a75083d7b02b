import { createTlsIdentity, type TlsIdentity } from '../../core/base/tls-identity.ts';

/** One key for all BMCs of a process, made once: a fleet of thousands starts in no time. */
let shared: TlsIdentity | undefined;
export const sharedTlsIdentity = (): TlsIdentity => (shared ??= createTlsIdentity('emulated-bmc', Date.now()));
