import { CONFIG_DEFAULTS, readDomainConfig } from '../domain-config-service.ts';
import type { IdentityContext } from '../identity-context.ts';

/** Where the users of a domain are kept, as Keystone's `[ldap]` options name it. */
export interface DirectoryOptions {
  readonly domainId: string;
  readonly url: string;
  readonly user: string | null;
  readonly password: string | null;
  readonly scope: 'one' | 'sub';
  readonly pageSize: number;
  readonly useTls: boolean;
  readonly certificates: 'demand' | 'allow' | 'never';
  readonly authorityFile: string | null;
  readonly users: DirectoryTree & {
    readonly mail: string;
    readonly enabled: string;
    readonly enabledMask: number;
    readonly enabledDefault: string;
    readonly enabledInvert: boolean;
  };
  readonly groups: DirectoryTree & { readonly member: string; readonly membersAreIds: boolean };
}

export interface DirectoryTree {
  readonly base: string;
  readonly filter: string | null;
  readonly objectClass: string;
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

/** Undefined when the domain's users are ours. Remembered, as most logins are of such domains. */
export async function directoryOptions(context: IdentityContext, domainId: string): Promise<DirectoryOptions | undefined> {
  return context.remember(`directory:${domainId}`, async () => {
    const config = await readDomainConfig(context, domainId);
    if (config['identity']?.['driver'] !== 'ldap') return undefined;
    const given: Record<string, unknown> = { password: null, ...CONFIG_DEFAULTS['ldap'], ...config['ldap'] };
    const text = (name: string) => String(given[name]);
    const orNull = (name: string) => (given[name] == null ? null : String(given[name]));
    const isTrue = (name: string) => given[name] === true || given[name] === 'true' || given[name] === 'True';
    const tree = (kind: string): DirectoryTree => ({
      base: orNull(`${kind}_tree_dn`) ?? `ou=${kind === 'user' ? 'Users' : 'UserGroups'},${text('suffix')}`,
      filter: orNull(`${kind}_filter`),
      objectClass: text(`${kind}_objectclass`),
      id: text(`${kind}_id_attribute`),
      name: text(`${kind}_name_attribute`),
      description: text(kind === 'user' ? 'user_description_attribute' : 'group_desc_attribute'),
    });
    return {
      domainId,
      url: text('url'),
      user: orNull('user'),
      password: orNull('password'),
      scope: text('query_scope') === 'sub' ? 'sub' : 'one',
      pageSize: Number(given['page_size']) || 0,
      useTls: isTrue('use_tls'),
      certificates: text('tls_req_cert') as DirectoryOptions['certificates'],
      authorityFile: orNull('tls_cacertfile'),
      users: {
        ...tree('user'),
        mail: text('user_mail_attribute'),
        enabled: text('user_enabled_attribute'),
        enabledMask: Number(given['user_enabled_mask']) || 0,
        enabledDefault: text('user_enabled_default'),
        enabledInvert: isTrue('user_enabled_invert'),
      },
      groups: { ...tree('group'), member: text('group_member_attribute'), membersAreIds: isTrue('group_members_are_ids') },
    } satisfies DirectoryOptions;
  });
}
