import { X509Certificate } from 'node:crypto';
import type { JsonObject } from '../../core/base/json.ts';
import { BmcError } from '../capability.ts';
import type { CertificateCalls } from '../certificate.ts';
import { objectAt, pathAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** CertificateService (DSP2046): the certificate of HTTPS is found below the manager's NetworkProtocol. */
const REPLACE = '#CertificateService.ReplaceCertificate';

export function redfishCertificate(tree: RedfishTree): CertificateCalls {
  const { host } = tree.address;
  const current = async (signal: AbortSignal): Promise<JsonObject> => {
    const protocols = await tree.follow(await tree.manager(signal), 'NetworkProtocol', signal);
    const https = objectAt(protocols, 'HTTPS');
    if (pathAt(https, 'Certificates') === undefined) throw tree.missing('certificate that it tells of');
    const [first] = await tree.members(https, 'Certificates', signal);
    if (first === undefined) throw tree.missing('certificate of its web server');
    return first;
  };
  return {
    async certificate(signal) {
      const pem = textAt(await current(signal), 'CertificateString');
      if (pem === undefined) throw tree.missing('certificate that it shows');
      try {
        const { subject, issuer, validFromDate, validToDate, fingerprint256: fingerprint } = new X509Certificate(pem);
        return { pem, subject, issuer, validFromMs: validFromDate.getTime(), validUntilMs: validToDate.getTime(), fingerprint };
      } catch (cause) {
        throw new BmcError('protocol', `${host}: its certificate cannot be read`, 'Look at it on the BMC.', { cause });
      }
    },
    async replaceCertificate({ certificate, key }, signal) {
      const service = await tree.follow(await tree.root(signal), 'CertificateService', signal);
      const replace = await tree.action(service, REPLACE, 'CertificateType', signal);
      if (replace === undefined) throw tree.missing('way to replace its certificate');
      if (replace.allowableValues !== undefined && !replace.allowableValues.includes('PEM'))
        throw tree.missing('way to take a certificate with its key');
      const uri = textAt(await current(signal), '@odata.id')!;
      const body = { CertificateString: `${key.reveal()}${certificate.pem}`, CertificateType: 'PEM', CertificateUri: { '@odata.id': uri } };
      await tree.http.post(replace.target, body, signal);
    },
  };
}
