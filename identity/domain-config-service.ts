import { forbidden, IdentityError } from './identity-error.ts';
import type { IdentityContext, Reader } from './identity-context.ts';
import { recordStore } from './store/record-store.ts';

/*
 * Options of one domain: where its users are kept. Only options that this product knows and that may differ by domain; values
 * are sealed, and what is secret (a directory's password) is never shown again.
 */
export type DomainConfig = Record<string, Record<string, unknown>>;

const options = recordStore('identity_domain_config');

/** What holds when a domain says nothing. */
export const CONFIG_DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  identity: { driver: 'sql', list_limit: null },
  ldap: {
    url: 'ldap://localhost',
    user: null,
    suffix: 'cn=example,cn=com',
    query_scope: 'one',
    page_size: 0,
    user_tree_dn: null,
    user_filter: null,
    user_objectclass: 'inetOrgPerson',
    user_id_attribute: 'cn',
    user_name_attribute: 'sn',
    user_description_attribute: 'description',
    user_mail_attribute: 'mail',
    user_enabled_attribute: 'enabled',
    user_enabled_mask: 0,
    user_enabled_default: 'True',
    user_enabled_invert: false,
    user_attribute_ignore: 'default_project_id',
    group_tree_dn: null,
    group_filter: null,
    group_objectclass: 'groupOfNames',
    group_id_attribute: 'cn',
    group_name_attribute: 'ou',
    group_member_attribute: 'member',
    group_members_are_ids: false,
    group_desc_attribute: 'description',
    group_ad_nesting: false,
    use_tls: false,
    tls_req_cert: 'demand',
    tls_cacertfile: null,
    connection_timeout: -1,
  },
};
const SECRET: Readonly<Record<string, readonly string[]>> = { ldap: ['password'] };
const READ_BY_ALL: readonly string[] = ['password_regex', 'password_regex_description'];

const isKnown = (group: string, option: string) =>
  (CONFIG_DEFAULTS[group] !== undefined && option in CONFIG_DEFAULTS[group]) || (SECRET[group]?.includes(option) ?? false);

const missing = (what: string, domainId: string) =>
  new IdentityError(404, `Could not find ${what} in domain configuration for domain ${domainId}.`);
const describe = (group?: string, option?: string) =>
  option !== undefined ? `option ${option} in group ${group}` : group !== undefined ? `group ${group}` : 'any options';

/** With its secrets: for those who use it, not for those who look at it. */
export async function readDomainConfig(context: IdentityContext, domainId: string, db: Reader = context.db): Promise<DomainConfig> {
  const rows = await options.list<{ group_name: string; option_name: string; sealed: string }>(db, { domain_id: domainId });
  const config: DomainConfig = {};
  for (const row of rows) (config[row.group_name] ??= {})[row.option_name] = JSON.parse(context.sealer.open(row.sealed));
  return config;
}

/** @throws IdentityError 403, 404 */
function pick(config: DomainConfig, domainId: string, group?: string, option?: string): Record<string, unknown> {
  if (group === undefined) {
    if (Object.keys(config).length === 0) throw missing(describe(), domainId);
    return config;
  }
  if (CONFIG_DEFAULTS[group] === undefined)
    throw forbidden(`Invalid domain specific configuration: Group ${group} is not supported for domain specific configurations.`);
  if (option !== undefined && !isKnown(group, option))
    throw forbidden(
      `Invalid domain specific configuration: Option ${option} in group ${group} is not supported for domain specific configurations.`,
    );
  const values = config[group];
  if (values === undefined || Object.keys(values).length === 0) throw missing(describe(group), domainId);
  if (option === undefined) return { [group]: values };
  if (!(option in values)) throw missing(describe(group, option), domainId);
  return { [option]: values[option] };
}

function withoutSecrets(config: DomainConfig): DomainConfig {
  const shown = Object.entries(config).map(([group, values]): [string, Record<string, unknown>] => [
    group,
    Object.fromEntries(Object.entries(values).filter(([name]) => !SECRET[group]?.includes(name))),
  ]);
  return Object.fromEntries(shown.filter(([, values]) => Object.keys(values).length > 0));
}

export async function showDomainConfig(context: IdentityContext, domainId: string, group?: string, option?: string): Promise<object> {
  return pick(withoutSecrets(await readDomainConfig(context, domainId)), domainId, group, option);
}

/** @throws IdentityError 400, 403 */
function checkConfig(config: unknown): DomainConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config) || Object.keys(config).length === 0)
    throw forbidden('Invalid domain specific configuration: No options specified.');
  for (const [group, values] of Object.entries(config)) {
    if (CONFIG_DEFAULTS[group] === undefined)
      throw forbidden(`Invalid domain specific configuration: Group ${group} is not supported for domain specific configurations.`);
    if (typeof values !== 'object' || values === null || Array.isArray(values) || Object.keys(values).length === 0)
      throw forbidden(
        `Invalid domain specific configuration: The value of group ${group} specified in the config should be a dictionary of options.`,
      );
    const unknown = Object.keys(values).find((name) => !isKnown(group, name));
    if (unknown !== undefined)
      throw forbidden(
        `Invalid domain specific configuration: Option ${unknown} in group ${group} is not supported for domain specific configurations.`,
      );
  }
  return config as DomainConfig;
}

async function store(context: IdentityContext, db: Reader, domainId: string, config: DomainConfig): Promise<void> {
  for (const [group, values] of Object.entries(config)) {
    for (const [name, value] of Object.entries(values)) {
      const key = { domain_id: domainId, group_name: group, option_name: name };
      await options.remove(db, key);
      await options.insert(db, { ...key, sealed: context.sealer.seal(JSON.stringify(value)) });
    }
  }
}

/** In the place of what was there. True when there was nothing. */
export async function createDomainConfig(
  context: IdentityContext,
  domainId: string,
  given: unknown,
): Promise<{ config: object; isNew: boolean }> {
  const config = checkConfig(given);
  return context.write(async (trx) => {
    const removed = await options.remove(trx, { domain_id: domainId });
    await store(context, trx, domainId, config);
    return { config: withoutSecrets(await readDomainConfig(context, domainId, trx)), isNew: removed === 0 };
  });
}

/** Only what the path names may be in the body, and it must be there already. */
export async function updateDomainConfig(
  context: IdentityContext,
  domainId: string,
  given: unknown,
  group?: string,
  option?: string,
): Promise<object> {
  const whole = group !== undefined && option !== undefined ? { [group]: given } : given;
  const config = checkConfig(whole);
  if (group !== undefined) {
    if (
      Object.keys(config).some((name) => name !== group) ||
      (option !== undefined && Object.keys(config[group] ?? {}).some((name) => name !== option))
    )
      throw forbidden(`Invalid domain specific configuration: the request names ${describe(group, option)}, the body something else.`);
  }
  return context.write(async (trx) => {
    const before = await readDomainConfig(context, domainId, trx);
    if (group !== undefined) pick(before, domainId, group, option);
    await store(context, trx, domainId, config);
    return withoutSecrets(await readDomainConfig(context, domainId, trx));
  });
}

export async function deleteDomainConfig(context: IdentityContext, domainId: string, group?: string, option?: string): Promise<void> {
  await context.write(async (trx) => {
    const before = await readDomainConfig(context, domainId, trx);
    if (group !== undefined) pick(before, domainId, group, option);
    await options.remove(trx, { domain_id: domainId, group_name: group, option_name: option });
  });
}

export function defaultDomainConfig(group?: string, option?: string): object {
  if (group === undefined) return CONFIG_DEFAULTS;
  const values = CONFIG_DEFAULTS[group];
  if (values === undefined)
    throw forbidden(`Invalid domain specific configuration: Group ${group} is not supported for domain specific configurations.`);
  if (option === undefined) return { [group]: values };
  if (!(option in values))
    throw forbidden(
      `Invalid domain specific configuration: Option ${option} in group ${group} is not supported for domain specific configurations.`,
    );
  return { [option]: values[option] };
}

/** Of the rules for passwords, what a user must know to choose one. */
export function securityCompliance(context: IdentityContext, option?: string): object {
  const all: Record<string, unknown> = {
    password_regex: context.settings.password_regex ?? null,
    password_regex_description: context.settings.password_regex_description ?? null,
  };
  if (option === undefined) return { security_compliance: all };
  if (!READ_BY_ALL.includes(option))
    throw forbidden(`Reading security compliance values other than ${READ_BY_ALL.join(' and ')} is not allowed.`);
  return { [option]: all[option] };
}
