import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { JsonObject } from '../../../core/base/json.ts';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';
import type { BmcModel } from '../bmc-model.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
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
const GENERATE = 'CertificateService.GenerateCSR';
const REKEY = 'Certificate.Rekey';
const RENEW = 'Certificate.Renew';
/** What GenerateCSR may not be without (CertificateService 1.0). */
const NEEDED = ['CommonName', 'Country', 'State', 'City', 'Organization', 'OrganizationalUnit'];
const OWN_NAME = 'emulated-bmc';

const allowed = ({ tls }: BmcModel): JsonObject => ({
  'KeyPairAlgorithm@Redfish.AllowableValues': [...tls.keys.algorithms],
  'KeyCurveId@Redfish.AllowableValues': [...tls.keys.curves],
});

type KeyKind = 'rsa' | 'P-256' | 'P-384' | 'in use';

/** The kind of key that these parameters ask for, or what is wrong with them. */
function wantedKey({ tls: { keys } }: BmcModel, body: JsonObject): KeyKind | RedfishReply {
  const algorithm = body['KeyPairAlgorithm'] ?? keys.algorithms[0]!;
  if (!keys.algorithms.includes(String(algorithm))) return redfishError(400, `KeyPairAlgorithm is none of ${keys.algorithms.join(', ')}.`);
  if (algorithm === 'TPM_ALG_RSA') {
    const bits = body['KeyBitLength'] ?? 2048;
    return typeof bits === 'number' && bits >= 2048 ? 'rsa' : redfishError(400, 'KeyBitLength is no number from 2048 on.');
  }
  const curve = String(body['KeyCurveId'] ?? '');
  if (!keys.curves.includes(curve)) return redfishError(400, `KeyCurveId is none of ${keys.curves.join(', ')}.`);
  return curve === 'TPM_ECC_NIST_P384' ? 'P-384' : 'P-256';
}

function generate(bmc: BmcModel, body: JsonObject): RedfishReply {
  const missing = NEEDED.find((name) => typeof body[name] !== 'string' || body[name] === '');
  if (missing !== undefined) return redfishError(400, `${missing} is missing.`);
  const { CertificateCollection: collected } = body;
  if (!isObject(collected) || collected['@odata.id'] !== CERTIFICATES)
    return redfishError(400, 'CertificateCollection is none of its own.');
  const key = wantedKey(bmc, body);
  if (typeof key !== 'string') return key;
  const names = Array.isArray(body['AlternativeNames']) ? body['AlternativeNames'].map(String) : [];
  const csr = bmc.tls.request({ commonName: String(body['CommonName']), hosts: names }, key);
  return { status: 200, body: { CSRString: csr, CertificateCollection: link(CERTIFICATES) } };
}

function askAgain(bmc: BmcModel, way: 'rekey' | 'renew', body: JsonObject): RedfishReply {
  const key: KeyKind | RedfishReply = way === 'renew' ? 'in use' : wantedKey(bmc, body);
  if (typeof key !== 'string') return key;
  const csr = bmc.tls.request({ commonName: OWN_NAME, hosts: [OWN_NAME] }, key);
  return { status: 200, body: { CSRString: csr, Certificate: link(CERTIFICATE) } };
}

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

/** A certificate for a key that the BMC made, or has. */
function installed(bmc: BmcModel, text: string): RedfishReply {
  try {
    return bmc.tls.install(text)
      ? NO_CONTENT
      : redfishError(400, 'The certificate is for no key of this BMC, and has no private key with it.');
  } catch {
    return redfishError(400, 'CertificateString cannot be read.');
  }
}

export const certificateResources: RedfishNoun = {
  find(bmc, path) {
    if (path === SERVICE)
      return resource(SERVICE, 'CertificateService.v1_0_4', 'CertificateService', 'Certificate Service', {
        CertificateLocations: link(LOCATIONS),
        Actions: {
          ...action(SERVICE, REPLACE, { 'CertificateType@Redfish.AllowableValues': ['PEM'] }),
          ...(bmc.tls.keys.ways.includes('generate') ? action(SERVICE, GENERATE, allowed(bmc)) : {}),
        },
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
      Actions: {
        ...(bmc.tls.keys.ways.includes('rekey') ? action(CERTIFICATE, REKEY, allowed(bmc)) : {}),
        ...(bmc.tls.keys.ways.includes('renew') ? action(CERTIFICATE, RENEW) : {}),
      },
    });
  },
  post(bmc, path, body) {
    const { ways } = bmc.tls.keys;
    if (path === `${SERVICE}/Actions/${GENERATE}` && ways.includes('generate')) return generate(bmc, body);
    if (path === `${CERTIFICATE}/Actions/${REKEY}` && ways.includes('rekey')) return askAgain(bmc, 'rekey', body);
    if (path === `${CERTIFICATE}/Actions/${RENEW}` && ways.includes('renew')) return askAgain(bmc, 'renew', body);
    if (path !== `${SERVICE}/Actions/${REPLACE}`) return undefined;
    const { CertificateString: text, CertificateType: type, CertificateUri: uri } = body;
    if (type !== 'PEM') return redfishError(400, 'CertificateType is not PEM.');
    if (!isObject(uri) || uri['@odata.id'] !== CERTIFICATE) return redfishError(400, 'CertificateUri is none of its certificates.');
    if (typeof text !== 'string') return redfishError(400, 'CertificateString is missing.');
    if (!text.includes('PRIVATE KEY')) return installed(bmc, text);
    const identity = readIdentity(text);
    if (typeof identity === 'string') return redfishError(400, identity);
    bmc.tls.replace(identity);
    return NO_CONTENT;
  },
};
