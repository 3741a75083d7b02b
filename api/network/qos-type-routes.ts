import { NetworkError } from '../../network/network-error.ts';
import { RULE_WORDS } from '../../network/qos-rule-types.ts';
import { ok } from '../service-plugin.ts';
import { VERSION, type NetworkRoute } from './resource-routes.ts';

/** Which kinds of QoS rules there are; with what each may say for administrators. */
const DRIVER = 'rackwright';

export const qosTypeRoutes: readonly NetworkRoute[] = [
  {
    method: 'GET',
    path: `${VERSION}/qos/rule-types`,
    query: ['all_rules', 'all_supported'],
    async handle(call) {
      const isAllowed = call.allows('get_rule_type');
      return ok({ rule_types: isAllowed ? Object.keys(RULE_WORDS).map((type) => ({ type })) : [] });
    },
  },
  {
    method: 'GET',
    path: `${VERSION}/qos/rule-types/:type`,
    async handle(call) {
      call.require('admin_only');
      const type = call.params['type']!;
      const words = RULE_WORDS[type];
      if (words === undefined) throw new NetworkError(404, 'QosRuleNotSupported', `Rule type ${type} could not be found.`);
      const supported = Object.entries(words).map(([name, values]) => ({
        parameter_name: name,
        parameter_type: Array.isArray(values) ? 'choices' : 'range',
        parameter_values: Array.isArray(values) ? values : { start: 0, end: 2_147_483_647 },
      }));
      return ok({ rule_type: { type, drivers: [{ name: DRIVER, supported_parameters: supported }] } });
    },
  },
];
