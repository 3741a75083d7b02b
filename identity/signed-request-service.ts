import { timingSafeEqual } from 'node:crypto';
import type { Proof } from './authentication/proof.ts';
import { findApplicationCredential } from './application-credential-record.ts';
import { hashAccessKey, readEc2Blob } from './credential-service.ts';
import { readSealedCredentials } from './credential-record.ts';
import { unauthorized } from './identity-error.ts';
import type { IdentityContext } from './identity-context.ts';
import { signEc2, signS3, type Ec2Request } from './signature-codec.ts';
import type { ValidToken } from './token-record.ts';
import { issueFor } from './authentication-service.ts';
import { findTrust } from './trust-record.ts';

/** A token for a request that a client of Amazon's APIs signed; the service that received it asks. */
const SIGNED_MS_MAX = 15 * 60_000;

export interface SignedRequest extends Ec2Request {
  /** S3: the signed text, in base64. */
  readonly token?: string;
}

/** @throws IdentityError 401 */
export async function authenticateSigned(context: IdentityContext, request: SignedRequest, kind: 'ec2' | 's3'): Promise<ValidToken> {
  const [credential] = await readSealedCredentials(context, { id: hashAccessKey(request.access), type: 'ec2' });
  if (credential === undefined) throw unauthorized('EC2 access key not found.');
  const blob = readEc2Blob(credential.blob);
  const accepted = kind === 's3' ? [signS3(blob.secret ?? '', request.token ?? '')] : signaturesOf(blob.secret ?? '', request);
  if (request.signature === undefined) throw unauthorized('EC2 signature not supplied.');
  if (!accepted.some((signature) => signature !== undefined && same(signature, request.signature!)))
    throw unauthorized(kind === 's3' ? 'Credential signature mismatch' : 'Invalid EC2 signature.');
  refuseOld(context, request);
  const proof: Proof = { userId: credential.user_id, methods: [] };
  if (blob.trust_id != null) {
    const trust = await findTrust(context.db, blob.trust_id);
    if (trust === undefined) throw unauthorized();
    return issueFor(context, { ...proof, userId: trust.trustee_user_id }, { 'OS-TRUST:trust': { id: trust.id } });
  }
  const projectId = credential.project_id!;
  if (blob.app_cred_id !== undefined) {
    const source = await findApplicationCredential(context.db, { id: blob.app_cred_id, project_id: projectId });
    if (source === undefined) throw unauthorized();
    return issueFor(context, { ...proof, applicationCredentialId: source.id, projectId }, undefined);
  }
  if (blob.access_token_id !== undefined) return issueFor(context, { ...proof, accessTokenId: blob.access_token_id, projectId }, undefined);
  return issueFor(context, proof, { project: { id: projectId } });
}

/** Some clients sign without the port. */
const signaturesOf = (secret: string, request: Ec2Request) => [
  signEc2(secret, request),
  ...(request.host?.includes(':') ? [signEc2(secret, { ...request, host: request.host.replace(/:\d+$/, '') })] : []),
];

function same(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other.trim())];
  return left.length === right.length && timingSafeEqual(left, right);
}

function refuseOld(context: IdentityContext, { params = {}, headers = {} }: SignedRequest): void {
  const given = params['Timestamp'] ?? headers['X-Amz-Date'] ?? params['X-Amz-Date'];
  if (given === undefined) return;
  const basic = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(given);
  const at = Date.parse(
    basic ? `${basic[1]}-${basic[2]}-${basic[3]}T${basic[4]}:${basic[5]}:${basic[6]}Z` : given.endsWith('Z') ? given : `${given}Z`,
  );
  if (Number.isNaN(at)) throw unauthorized('Credential timestamp is invalid.');
  if (context.clock.nowMs() > at + SIGNED_MS_MAX) throw unauthorized('Credential is expired');
}
