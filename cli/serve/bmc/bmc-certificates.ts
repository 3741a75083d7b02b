import { readFile } from 'node:fs/promises';
import { createCertificateAuthority } from '../../../core/base/certificate-authority.ts';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';
import type { NodeFlowServices } from '../../../flows/node-flow-services.ts';
import { CommandError, EXIT_CODE } from '../../terminal/exit-code.ts';
import type { Configuration } from '../configuration.ts';
import type { Installation } from '../installation.ts';

/** The authority for BMCs' own keys. @throws CommandError that says what is wrong with the files. */
export async function readBmcCertificates(
  { bmc_certificates: { authority: files, days } }: Configuration,
  { bmcAuthority }: Installation,
): Promise<NodeFlowServices['bmcCertificates']> {
  if (files === undefined) return { authority: createCertificateAuthority(bmcAuthority), days };
  try {
    const [certificatePem, keyPem] = await Promise.all([readFile(files.certificate_file, 'utf8'), readFile(files.key_file, 'utf8')]);
    const identity: TlsIdentity = { certificatePem, keyPem };
    return { authority: createCertificateAuthority(identity), days };
  } catch (error) {
    throw new CommandError(`bmc_certificates.authority cannot be used: ${(error as Error).message}`, EXIT_CODE.usage);
  }
}
