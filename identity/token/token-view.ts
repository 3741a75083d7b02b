import type { IdentityContext } from '../identity-context.ts';
import type { CatalogEntry } from '../catalog-service.ts';
import { federatedOf } from '../user-service.ts';
import { isoTime, passwordEnd } from '../iso-time.ts';
import { recordStore } from '../store/record-store.ts';
import type { TokenSubject } from '../token-record.ts';
import type { TokenPayload } from './token-payload-codec.ts';

interface ServiceProviderRow {
  readonly id: string;
  readonly auth_url: string;
  readonly sp_url: string;
}

/** The token as its bearer and the services see it. */
export async function tokenView(
  context: IdentityContext,
  token: { readonly payload: TokenPayload; readonly subject: TokenSubject; readonly issuedAtMs: number },
  catalog: readonly CatalogEntry[] | undefined,
): Promise<object> {
  const { payload, subject } = token;
  const providers = await context.remember('service-providers', () =>
    recordStore('identity_service_provider').list<ServiceProviderRow>(context.db, { enabled: true }),
  );
  return {
    token: {
      methods: payload.methods,
      user: await userView(context, payload, subject),
      audit_ids: payload.auditIds,
      expires_at: isoTime(payload.expiresAtMs),
      issued_at: isoTime(token.issuedAtMs),
      ...scopeView(subject),
      ...(catalog === undefined || subject.scope.kind === 'unscoped' ? {} : { catalog }),
      ...(providers.length === 0 ? {} : { service_providers: providers.map(({ id, auth_url, sp_url }) => ({ id, auth_url, sp_url })) }),
      ...proofView(subject),
    },
  };
}

async function userView(context: IdentityContext, payload: TokenPayload, { user, userDomain }: TokenSubject): Promise<object> {
  const view = { domain: { id: userDomain.id, name: userDomain.name }, id: user.id, name: user.name };
  if (payload.federated === undefined) return { ...view, password_expires_at: passwordEnd(user.password_expires_at) };
  const origins = await federatedOf(context.db, user.id);
  return {
    ...view,
    ...(origins.length === 0 ? {} : { federated: origins }),
    'OS-FEDERATION': {
      groups: payload.federated.groupIds.map((id) => ({ id })),
      identity_provider: { id: payload.federated.providerId },
      protocol: { id: payload.federated.protocolId },
    },
  };
}

function scopeView({ scope, roles }: TokenSubject): object {
  const named = { roles: roles.map(({ id, name }) => ({ id, name })) };
  switch (scope.kind) {
    case 'unscoped':
      return {};
    case 'system':
      return { ...named, system: { all: true } };
    case 'domain':
      return { ...named, domain: { id: scope.domain.id, name: scope.domain.name } };
    default:
      return {
        ...named,
        project: { domain: { id: scope.domain.id, name: scope.domain.name }, id: scope.project.id, name: scope.project.name },
        is_domain: scope.project.is_domain,
      };
  }
}

function proofView({ trust, accessToken, applicationCredential }: TokenSubject): object {
  return {
    ...(trust === undefined
      ? {}
      : {
          'OS-TRUST:trust': {
            id: trust.id,
            trustor_user: { id: trust.trustor_user_id },
            trustee_user: { id: trust.trustee_user_id },
            impersonation: trust.impersonation,
          },
        }),
    ...(accessToken === undefined ? {} : { 'OS-OAUTH1': { access_token_id: accessToken.id, consumer_id: accessToken.consumer_id } }),
    ...(applicationCredential === undefined
      ? {}
      : {
          application_credential: {
            id: applicationCredential.id,
            name: applicationCredential.name,
            restricted: !applicationCredential.unrestricted,
            ...(applicationCredential.accessRules.length === 0
              ? {}
              : {
                  access_rules: applicationCredential.accessRules.map(({ id, service, path, method }) => ({ id, service, path, method })),
                }),
          },
        }),
  };
}
