import { AGENT_RULES } from './diagnosis/agent-rules.ts';
import { BMC_RULES } from './diagnosis/bmc-rules.ts';
import { BOOT_RULES } from './diagnosis/boot-rules.ts';
import { EVIDENCE_SHOWN, type DiagnosisFacts, type DiagnosisRule } from './diagnosis/diagnosis-facts.ts';
import { NETWORK_RULES } from './diagnosis/network-rules.ts';
import { PROCESS_RULES } from './diagnosis/process-rules.ts';

/*
 * Why a machine is not where it should be, or took so long: rules as data, each with the evidence that it wants and the advice that it
 * gives. Evidence is what any installation has: the flight recorder, the flow's journal, the BMC's answers, the console, the inspections.
 */
export type { DiagnosisFacts, DiagnosisRule, SeenEvent } from './diagnosis/diagnosis-facts.ts';

export interface Diagnosis {
  readonly rule: string;
  readonly cause: string;
  /** The first and the last of it. */
  readonly evidence: readonly string[];
  readonly advice: string;
}

/** In the order in which they are told: what somebody can mend at once comes first, where a boot stopped last. */
export const DIAGNOSIS_RULES: readonly DiagnosisRule[] = [...AGENT_RULES, ...PROCESS_RULES, ...BMC_RULES, ...NETWORK_RULES, ...BOOT_RULES];

export function diagnose(facts: DiagnosisFacts): Diagnosis[] {
  const found = DIAGNOSIS_RULES.map((rule) => ({ rule, evidence: rule.find(facts) })).filter(({ evidence }) => evidence.length > 0);
  const names = new Set(found.filter(({ rule }) => rule.unless !== 'others').map(({ rule }) => rule.name));
  const isOutdone = ({ unless }: DiagnosisRule, at: number): boolean => {
    if (unless === undefined) return false;
    return unless === 'others'
      ? names.size > 0 || at > found.findIndex(({ rule }) => rule.unless === 'others')
      : unless.some((name) => names.has(name));
  };
  return found
    .filter(({ rule }, at) => !isOutdone(rule, at))
    .map(({ rule: { name, cause, advice }, evidence }) => ({
      rule: name,
      cause,
      evidence: evidence.length <= EVIDENCE_SHOWN ? evidence : [...evidence.slice(0, EVIDENCE_SHOWN - 1), evidence.at(-1)!],
      advice,
    }));
}
