import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';
import { redfishError } from './redfish-error.ts';
import {
  action,
  collection,
  isObject,
  link,
  MANAGER_PATH,
  NO_CONTENT,
  resource,
  ROOT,
  STATUS,
  type RedfishNoun,
} from './redfish-shapes.ts';

/** CertificateService, and the certificate of HTTPS below the manager's NetworkProtocol. A new one is shown from the next connection on. */
const SERVICE = `${ROOT}/CertificateService`;
const LOCATIONS = `${SERVICE}/CertificateLocations`;
export const NETWORK_PROTOCOL = `${MANAGER_PATH}/NetworkProtocol`;
const CERTIFICATES = `${NETWORK_PROTOCOL}/HTTPS/Certificates`;
const CERTIFICATE = `${CERTIFICATES}/1`;
const REPLACE = 'CertificateService.ReplaceCertificate';

/** A key and the certificate that it is of, or what is wrong. */
function readIdentity(text: string): TlsIdentity | string {
  const key = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----\n?/.exec(text)?.[0];
  const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/.exec(text)?.[0];
  if (key === undefined || certificate === undefined) return 'CertificateString has no certificate with its private key.';
  try {
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return 'The private key is not that of the certificate.';
  } catch {
    return 'CertificateString cannot be read.';
  }
  return { keyPem: key, certificatePem: certificate };
}

export const certificateResources: RedfishNoun = {
  find(bmc, path) {
    if (path === SERVICE)
      return resource(SERVICE, 'CertificateService.v1_0_4', 'CertificateService', 'Certificate Service', {
        CertificateLocations: link(LOCATIONS),
        Actions: { ...action(SERVICE, REPLACE, { 'CertificateType@Redfish.AllowableValues': ['PEM'] }) },
      });
    if (path === LOCATIONS)
      return resource(LOCATIONS, 'CertificateLocations.v1_0_2', 'CertificateLocations', 'Certificate Locations', {
        Links: { Certificates: [link(CERTIFICATE)] },
      });
    if (path === NETWORK_PROTOCOL)
      return resource(NETWORK_PROTOCOL, 'ManagerNetworkProtocol.v1_6_0', 'NetworkProtocol', 'Network Protocols', {
        Status: STATUS,
        HTTPS: { ProtocolEnabled: true, Certificates: link(CERTIFICATES) },
      });
    if (path === CERTIFICATES) return collection(CERTIFICATES, 'CertificateCollection', 'HTTPS Certificates', [CERTIFICATE]);
    if (path !== CERTIFICATE) return undefined;
    const pem = bmc.tls.now().certificatePem;
    const { subject, issuer, validFromDate, validToDate } = new X509Certificate(pem);
    return resource(CERTIFICATE, 'Certificate.v1_5_0', '1', 'HTTPS Certificate', {
      CertificateType: 'PEM',
      CertificateString: pem,
      Subject: { CommonName: subject.replace(/^CN=/, '') },
      Issuer: { CommonName: issuer.replace(/^CN=/, '') },
      ValidNotBefore: validFromDate.toISOString(),
      ValidNotAfter: validToDate.toISOString(),
    });
  },
  post(bmc, path, body) {
    if (path !== `${SERVICE}/Actions/${REPLACE}`) return undefined;
    const { CertificateString: text, CertificateType: type, CertificateUri: uri } = body;
    if (type !== 'PEM') return redfishError(400, 'CertificateType is not PEM.');
    if (!isObject(uri) || uri['@odata.id'] !== CERTIFICATE) return redfishError(400, 'CertificateUri is none of its certificates.');
    const identity = typeof text === 'string' ? readIdentity(text) : 'CertificateString is missing.';
    if (typeof identity === 'string') return redfishError(400, identity);
    bmc.tls.replace(identity);
    return NO_CONTENT;
  },
};
