import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { MountedService } from '../../api/services.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { bootstrapIdentity } from '../../identity/bootstrap-service.ts';
import { publishServices } from '../../identity/catalog-service.ts';
import { createIdentityContext, type IdentityContext } from '../../identity/identity-context.ts';
import { identityRules } from '../../identity/identity-rules.ts';
import { createPolicyEngine, type PolicyEngine, type PolicyRule } from '../../identity/policy-engine.ts';
import { rotateTokenKeysWhenDue } from '../../identity/token-key-service.ts';
import type { Configuration } from './configuration.ts';
import type { Installation } from './installation.ts';

/** Identity in this process: its tables filled, its policy read, its keys turned, and the files that clients read. */
const ROTATION_LOOK_MS = 60_000;
export const REGION = 'RegionOne';

export interface IdentityRole {
  readonly identity: IdentityContext;
  /** One engine for every service: its own rules and the given ones, under the operator's policy file. */
  readonly policy: PolicyEngine;
  stop(): Promise<void>;
}

export async function startIdentity(options: {
  configuration: Configuration;
  installation: Installation;
  database: Database;
  logger: Logger;
  rules?: readonly PolicyRule[];
}): Promise<IdentityRole> {
  const { configuration, installation, database, logger } = options;
  const settings = configuration.identity;
  const overrides = settings.policy_file === undefined ? undefined : await readFile(settings.policy_file, 'utf8');
  const policy = createPolicyEngine({
    rules: [...identityRules, ...(options.rules ?? [])],
    enforceScope: configuration.enforce_scope,
    ...(overrides === undefined ? {} : { overridesYaml: overrides }),
  });
  const identity = createIdentityContext({ database, clock: systemClock, sealer: installation.sealer, settings, logger });
  await bootstrapIdentity(identity, installation.administrator);
  const rotate = () =>
    rotateTokenKeysWhenDue(identity).catch((error: unknown) => logger.warn({ err: error }, 'the token keys could not be rotated'));
  const timer = setInterval(rotate, ROTATION_LOOK_MS);
  return {
    identity,
    policy,
    async stop() {
      clearInterval(timer);
      identity.close();
    },
  };
}

/** The catalog names what this process serves, by the address that clients use. */
export async function publishCatalog(identity: IdentityContext, publicUrl: string, services: readonly MountedService[]): Promise<void> {
  await publishServices(identity, REGION, [
    { type: 'identity', name: 'keystone', url: `${publicUrl}/v3` },
    { type: 'baremetal', name: 'ironic', url: `${publicUrl}/baremetal` },
    ...services.map(({ service: { type, name, prefix, catalogPath = '' } }) => ({
      type,
      name,
      url: `${publicUrl}${prefix}${catalogPath}`,
    })),
  ]);
}

/** `administrator.json` for this machine's own commands, `clouds.yaml` for OpenStack's clients; only the owner may read them. */
export async function writeCredentials(
  dataDirectory: string,
  publicUrl: string,
  administrator: { username: string; password: string },
): Promise<void> {
  const onlyOwner = { mode: 0o600 };
  await mkdir(dataDirectory, { recursive: true });
  const json = JSON.stringify({ endpoint: `${publicUrl}/baremetal`, auth_url: `${publicUrl}/v3`, ...administrator });
  await writeFile(join(dataDirectory, 'administrator.json'), json, onlyOwner);
  await writeFile(join(dataDirectory, 'clouds.yaml'), cloudsYaml(publicUrl, administrator), onlyOwner);
}

const cloudsYaml = (publicUrl: string, { username, password }: { username: string; password: string }) =>
  stringify({
    clouds: {
      rackwright: {
        auth: {
          auth_url: `${publicUrl}/v3`,
          username,
          password,
          project_name: 'admin',
          user_domain_name: 'Default',
          project_domain_name: 'Default',
        },
        region_name: REGION,
        identity_api_version: '3',
        interface: 'public',
      },
    },
  });
