import type { JsonObject } from '../../core/base/json.ts';
import type { Fault, MistakeScene } from './fault.ts';

export const wrongBmcPassword: Fault = {
  name: 'wrong-bmc-password',
  part: 'operator',
  does: 'the node is given a wrong BMC password before `manage`',
  expects: 'back to enroll, the cause names the login; with the right one the machine reaches its goal',
  mistake: {
    before: 'manage',
    state: 'enroll',
    cause: /auth|refused|password|login/i,
    advice: /password/i,
    make: (scene) => setLogin(scene, 'rackwright', 'not the password'),
    // The user that the agent made has a password that nobody else knows: the operator's own goes in.
    mend: (scene) => setLogin(scene, scene.machine.bmc.username, scene.machine.bmc.password),
  },
};

/** All keys of the node's drivers: a machine with both protocols is driven by either. */
async function setLogin({ product, node }: MistakeScene, username: string, password: string): Promise<void> {
  const shown = await product.get(`/nodes/${node}`);
  const keys = Object.keys(shown['driver_info'] as JsonObject);
  const changes = keys
    .filter((key) => key.endsWith('_username') || key.endsWith('_password'))
    .map((key) => ({ op: 'add', path: `/driver_info/${key}`, value: key.endsWith('_password') ? password : username }));
  await product.send('PATCH', `/nodes/${node}`, changes);
}
