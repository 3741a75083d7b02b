/** What a project may have of each noun unless its quota says otherwise: Neutron's defaults. -1: as many as it likes. */
export const QUOTA_DEFAULTS: Readonly<Record<string, number>> = {
  network: 100,
  subnet: 100,
  subnetpool: -1,
  port: 500,
  router: 10,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
  rbac_policy: 10,
  trunk: -1,
};
