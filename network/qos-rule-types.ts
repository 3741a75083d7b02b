/** What each kind of QoS rule may say: a list of values, or any number of the unit in its name. */
export const DSCP_MARKS: readonly number[] = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56];
const BOTH = ['ingress', 'egress'];

type RuleWords = Readonly<Record<string, Readonly<Record<string, 'number' | readonly (string | number)[]>>>>;
export const RULE_WORDS: RuleWords = {
  bandwidth_limit: { max_kbps: 'number', max_burst_kbps: 'number', direction: BOTH },
  dscp_marking: { dscp_mark: DSCP_MARKS },
  minimum_bandwidth: { min_kbps: 'number', direction: BOTH },
  minimum_packet_rate: { min_kpps: 'number', direction: ['any', ...BOTH] },
  packet_rate_limit: { max_kpps: 'number', max_burst_kpps: 'number', direction: BOTH },
};

/** Of those, what is carried out somewhere (`noun/qos-support-policy.ts` says where); rules of other kinds are records that can not be put to use. */
export const CARRIED_WORDS: RuleWords = {
  bandwidth_limit: RULE_WORDS['bandwidth_limit']!,
  dscp_marking: RULE_WORDS['dscp_marking']!,
  minimum_bandwidth: { min_kbps: 'number', direction: ['egress'] },
};
