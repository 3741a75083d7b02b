import { AgentFailure } from '../control/agent-failure.ts';
import type { StepDeclaration } from '../../protocol.ts';
import type { Step } from './step.ts';

/** What the burn-in steps share: how long, and how they are declared. They run when they are asked for. */
const SECONDS_DEFAULT = 600;
/** A day: past it a fault shows or does not. */
export const BURN_IN_SECONDS_MAX = 86_400;

export function secondsOf(args: Readonly<Record<string, unknown>>): number {
  const seconds = args['seconds'] === undefined ? SECONDS_DEFAULT : Number(args['seconds']);
  if (!(seconds > 0 && seconds <= BURN_IN_SECONDS_MAX))
    throw new AgentFailure('step-arguments', `seconds must be above 0 and at most ${BURN_IN_SECONDS_MAX}`);
  return seconds;
}

export const burnInStep = (step: StepDeclaration['step'], run: Step['run'], argsinfo: StepDeclaration['argsinfo'] = {}): Step => ({
  declarations: [
    {
      phase: 'clean',
      interface: 'deploy',
      step,
      priority: 0,
      abortable: true,
      rebootRequested: false,
      argsinfo: {
        seconds: { description: `How long, at most ${BURN_IN_SECONDS_MAX}; ${SECONDS_DEFAULT} by default`, required: false },
        ...argsinfo,
      },
    },
  ],
  run,
});
