import { addressGroups } from './noun/address-group-noun.ts';
import { addressScopes } from './noun/address-scope-noun.ts';
import { floatingipPools, ipAvailabilities, portBindings } from './noun/derived-nouns.ts';
import { floatingips } from './noun/floatingip-noun.ts';
import { localIpAssociations, localIps } from './noun/local-ip-noun.ts';
import { networks } from './noun/network-noun.ts';
import { createPorts } from './noun/port-create.ts';
import { portForwardings } from './noun/port-forwarding-noun.ts';
import { ports as portNoun } from './noun/port-noun.ts';
import { removePort } from './noun/port-remove.ts';
import { updatePort } from './noun/port-update.ts';
import { qosAliasRules, qosPolicies, qosRules } from './noun/qos-noun.ts';
import { rbacPolicies } from './noun/rbac-noun.ts';
import { conntrackHelpers, ndpProxies } from './noun/router-extra-nouns.ts';
import { routers as routerNoun } from './noun/router-noun.ts';
import { createRouters, removeRouter, updateRouter } from './noun/router-verbs.ts';
import { defaultSecurityGroupRules, securityGroupRules as ruleNoun } from './noun/security-group-rule-noun.ts';
import { securityGroups } from './noun/security-group-noun.ts';
import { segmentRanges, segments } from './noun/segment-noun.ts';
import { agents } from './noun/agent-noun.ts';
import { flavors, logs, meteringLabels, meteringRules, serviceProfiles } from './noun/service-nouns.ts';
import { subnetpools } from './noun/subnetpool-noun.ts';
import { subnets } from './noun/subnet-noun.ts';
import { trunks } from './noun/trunk-noun.ts';
import type { Resource } from './resource.ts';

/** Every noun of the Network API, with what makes, changes and removes it. */
export const ports: Resource = { ...portNoun, create: createPorts, update: updatePort, remove: removePort };
export const routers: Resource = { ...routerNoun, create: createRouters, update: updateRouter, remove: removeRouter };
export const securityGroupRules: Resource = {
  ...ruleNoun,
  owner: { prefix: 'security_group', attribute: 'security_group_id', resource: () => securityGroups },
};
export { addressGroups, agents, floatingips, flavors, networks, qosPolicies, securityGroups, subnetpools, subnets, trunks };

export const RESOURCES: readonly Resource[] = [
  networks,
  subnets,
  subnetpools,
  addressScopes,
  ports,
  portBindings,
  securityGroups,
  securityGroupRules,
  defaultSecurityGroupRules,
  addressGroups,
  routers,
  conntrackHelpers,
  ndpProxies,
  floatingips,
  portForwardings,
  floatingipPools,
  rbacPolicies,
  trunks,
  qosPolicies,
  ...qosRules,
  ...qosAliasRules,
  segments,
  segmentRanges,
  ipAvailabilities,
  localIps,
  localIpAssociations,
  meteringLabels,
  meteringRules,
  logs,
  flavors,
  serviceProfiles,
  agents,
];
