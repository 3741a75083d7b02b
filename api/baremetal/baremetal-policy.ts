import type { Actor } from '../../core/base/actor.ts';
import type { PolicyEngine, Verdict } from '../../identity/policy-engine.ts';

/** A node's, allocation's or runbook's owner and lessee under flat names, as the rules name them. */
export type PolicyTarget = Readonly<Record<string, string | boolean | null>>;

/** `show_password` and the other parts are rules without a prefix; all else is `baremetal:…`. */
export function authorize(policy: PolicyEngine, actor: Actor, rule: string, target: PolicyTarget = {}): Verdict {
  return policy.authorize(actor, policy.rules.has(rule) ? rule : `baremetal:${rule}`, target);
}

export const nodeTarget = (node: { readonly owner: string | null; readonly lessee: string | null }): PolicyTarget => ({
  'node.owner': node.owner,
  'node.lessee': node.lessee,
});
