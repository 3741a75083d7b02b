import { NetworkError } from '../../network/network-error.ts';
import { CARRIED_WORDS, RULE_WORDS } from '../../network/qos-rule-types.ts';
import { ok } from '../service-plugin.ts';
import { VERSION, type NetworkRoute } from './resource-routes.ts';

/** Which kinds of QoS rules are carried out, or are there at all; with what each may say for administrators. */
const DRIVER = 'ovn';
const isTrue = (text: string | null) => /^(true|1)$/i.test(text ?? '');

export const qosTypeRoutes: readonly NetworkRoute[] = [
  {
    method: 'GET',
    path: `${VERSION}/qos/rule-types`,
    query: ['all_rules', 'all_supported'],
    async handle(call) {
      const isAllowed = call.allows('get_rule_type');
      const words = isTrue(call.query.get('all_rules')) ? RULE_WORDS : CARRIED_WORDS;
      return ok({ rule_types: isAllowed ? Object.keys(words).map((type) => ({ type })) : [] });
    },
  },
  {
    method: 'GET',
    path: `${VERSION}/qos/rule-types/:type`,
    async handle(call) {
      call.require('admin_only');
      const type = call.params['type']!;
      if (RULE_WORDS[type] === undefined) throw new NetworkError(404, 'QosRuleNotSupported', `Rule type ${type} could not be found.`);
      const words = CARRIED_WORDS[type];
      const supported = Object.entries(words ?? {}).map(([name, values]) => ({
        parameter_name: name,
        parameter_type: Array.isArray(values) ? 'choices' : 'range',
        parameter_values: Array.isArray(values) ? values : { start: 0, end: 2_147_483_647 },
      }));
      return ok({ rule_type: { type, drivers: words === undefined ? [] : [{ name: DRIVER, supported_parameters: supported }] } });
    },
  },
];
