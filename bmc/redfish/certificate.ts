import { X509Certificate } from 'node:crypto';
import type { JsonObject } from '../../core/base/json.ts';
import { BmcError } from '../capability.ts';
import type { CertificateCalls } from '../certificate.ts';
import { objectAt, pathAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

/** CertificateService (DSP2046): the certificate of HTTPS is found below the manager's NetworkProtocol. */
const REPLACE = '#CertificateService.ReplaceCertificate';
const GENERATE = '#CertificateService.GenerateCSR';
const REKEY = '#Certificate.Rekey';
const RENEW = '#Certificate.Renew';
const ELLIPTIC = ['TPM_ALG_ECDSA', 'TPM_ALG_ECDH'];
const RSA = 'TPM_ALG_RSA';
const CURVES = ['TPM_ECC_NIST_P256', 'TPM_ECC_NIST_P384'];
const RSA_BITS = 2048;
/** Wanted by the schema (Certificate 1.5, CertificateService 1.0.4), and given by who signs: formal. */
const FORMAL = { Country: 'ZZ', State: '-', City: '-', Organization: 'Rackwright', OrganizationalUnit: 'BMC' } as const;

export function redfishCertificate(tree: RedfishTree): CertificateCalls {
  const { host } = tree.address;
  const current = async (signal: AbortSignal): Promise<{ https: JsonObject; shown: JsonObject }> => {
    const protocols = await tree.follow(await tree.manager(signal), 'NetworkProtocol', signal);
    const https = objectAt(protocols, 'HTTPS');
    if (pathAt(https, 'Certificates') === undefined) throw tree.missing('certificate that it tells of');
    const [first] = await tree.members(https, 'Certificates', signal);
    if (first === undefined) throw tree.missing('certificate of its web server');
    return { https, shown: first };
  };
  /** Of what it offers an elliptic key, since those are made at once; what does not say makes what it likes. */
  const keyKind = async (
    resource: JsonObject,
    name: string,
    offered: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject> => {
    if (offered === undefined) return {};
    const elliptic = ELLIPTIC.find((algorithm) => offered.includes(algorithm));
    if (elliptic === undefined) return offered.includes(RSA) ? { KeyPairAlgorithm: RSA, KeyBitLength: RSA_BITS } : {};
    const curves = (await tree.action(resource, name, 'KeyCurveId', signal))?.allowableValues ?? CURVES;
    const curve = CURVES.find((each) => curves.includes(each));
    return { KeyPairAlgorithm: elliptic, ...(curve === undefined ? {} : { KeyCurveId: curve }) };
  };
  return {
    async certificate(signal) {
      const pem = textAt((await current(signal)).shown, 'CertificateString');
      if (pem === undefined) throw tree.missing('certificate that it shows');
      try {
        const { subject, issuer, validFromDate, validToDate, fingerprint256: fingerprint } = new X509Certificate(pem);
        return { pem, subject, issuer, validFromMs: validFromDate.getTime(), validUntilMs: validToDate.getTime(), fingerprint };
      } catch (cause) {
        throw new BmcError('protocol', `${host}: its certificate cannot be read`, 'Look at it on the BMC.', { cause });
      }
    },
    async requestCertificate(hosts, signal) {
      const service = await tree.follow(await tree.root(signal), 'CertificateService', signal);
      const { https, shown } = await current(signal);
      const names = {
        CommonName: hosts[0]!,
        AlternativeNames: [...hosts],
        CertificateCollection: { '@odata.id': pathAt(https, 'Certificates')! },
      };
      for (const [resource, name, body] of [
        [service, GENERATE, { ...FORMAL, ...names }],
        [shown, REKEY, {}],
        [shown, RENEW, {}],
      ] as const) {
        const way = await tree.action(resource, name, 'KeyPairAlgorithm', signal);
        if (way === undefined) continue;
        const key = name === RENEW ? {} : await keyKind(resource, name, way.allowableValues, signal);
        const csr = textAt(await tree.http.post(way.target, { ...body, ...key }, signal), 'CSRString');
        if (csr === undefined) throw new BmcError('protocol', `${host}: the answer has no signing request`, 'Look for newer BMC firmware.');
        return csr;
      }
      throw tree.missing('signing requests for its certificate');
    },
    async replaceCertificate({ certificate, key }, signal) {
      const service = await tree.follow(await tree.root(signal), 'CertificateService', signal);
      const replace = await tree.action(service, REPLACE, 'CertificateType', signal);
      if (replace === undefined) throw tree.missing('way to replace its certificate');
      if (replace.allowableValues !== undefined && !replace.allowableValues.includes('PEM'))
        throw tree.missing('way to take a certificate with its key');
      const uri = textAt((await current(signal)).shown, '@odata.id')!;
      const body = {
        CertificateString: `${key?.reveal() ?? ''}${certificate.pem}`,
        CertificateType: 'PEM',
        CertificateUri: { '@odata.id': uri },
      };
      await tree.http.post(replace.target, body, signal);
    },
  };
}
