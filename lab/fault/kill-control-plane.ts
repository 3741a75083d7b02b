import type { Fault } from './fault.ts';

/** Up to this long after a step began: some kills hit its first moment, some its middle. */
const INTO_THE_STEP_MS_MAX = 800;

export const killControlPlane: Fault = {
  name: 'kill-control-plane',
  part: 'control plane',
  does: 'kill -9 of `serve` at every state and step that the API shows, and a start right after',
  expects: 'every machine still reaches its goal',
  breaksApi: true,
  async disturb({ controlPlane, random, onStep, inject, say }) {
    let busy = Promise.resolve();
    const stopWatching = onStep((step) => {
      busy = busy.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, random.unit() * INTO_THE_STEP_MS_MAX));
        const what = `kill -9 of the control plane while ${step.node} is ${step.state}${step.waitsFor === '' ? '' : ` and waits for ${step.waitsFor}`}`;
        say(what);
        await controlPlane.crash();
        inject(what);
        await controlPlane.start();
      });
    });
    return {
      async stop() {
        stopWatching();
        await busy;
      },
    };
  },
};
