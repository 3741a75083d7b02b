/*
 * What a project may have: Nova's nouns and defaults. Those that belong to the network are shown by old microversions only, and limit nothing
 * here: the Network API has quotas of its own.
 */
export const QUOTA_DEFAULTS = {
  instances: 10,
  cores: 20,
  ram: 51_200,
  metadata_items: 128,
  injected_files: 5,
  injected_file_content_bytes: 10_240,
  injected_file_path_bytes: 255,
  key_pairs: 100,
  server_groups: 10,
  server_group_members: 10,
  floating_ips: -1,
  fixed_ips: -1,
  security_groups: -1,
  security_group_rules: -1,
} as const;

export type QuotaName = keyof typeof QUOTA_DEFAULTS;
export type Quotas = Readonly<Record<QuotaName, number>>;
export const QUOTA_NAMES = Object.keys(QUOTA_DEFAULTS) as readonly QuotaName[];

const NETWORK: ReadonlySet<QuotaName> = new Set(['floating_ips', 'fixed_ips', 'security_groups', 'security_group_rules']);
const FILES: ReadonlySet<QuotaName> = new Set(['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes']);
const WITHOUT_NETWORK_SINCE = 36;
const WITHOUT_FILES_SINCE = 57;

export const quotaNamesAt = (minor: number): readonly QuotaName[] =>
  QUOTA_NAMES.filter(
    (name) => !(minor >= WITHOUT_NETWORK_SINCE && NETWORK.has(name)) && !(minor >= WITHOUT_FILES_SINCE && FILES.has(name)),
  );

export interface Use {
  readonly instances: number;
  readonly cores: number;
  readonly ram: number;
}

/** In Nova's words; undefined: it fits. -1 is no limit. */
export function quotaRefusal(quotas: Quotas, used: Use, wanted: Use): string | undefined {
  const over = (['instances', 'cores', 'ram'] as const).filter((name) => quotas[name] >= 0 && used[name] + wanted[name] > quotas[name]);
  if (over.length === 0) return undefined;
  const told = (numbers: (name: keyof Use) => number) => over.map(numbers).join(', ');
  return `Quota exceeded for ${over.join(', ')}: Requested ${told((name) => wanted[name])}, but already used ${told((name) => used[name])} of ${told((name) => quotas[name])} ${over.join(', ')}`;
}
