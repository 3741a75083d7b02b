import { PROVISION_TRANSITIONS, STABLE_STATES } from './provision-machine.ts';

/** The table as a page with a Mermaid diagram; docs/provision-states.md is kept equal to it by a test. */
export function provisionDiagram(): string {
  const name = (state: string) => state.replaceAll(/[^a-z]/g, '_');
  const states = [...new Set(PROVISION_TRANSITIONS.flatMap(({ from, to }) => [from, to]))];
  return [
    '# Provision states of a node',
    '',
    'Generated from `inventory/provision-machine.ts`. Thick borders: states that hold by themselves; in every other one a flow is',
    'at work, and `waiting_for` of the node says what it waits for, since when, until when, and what comes next.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    '  classDef stable stroke-width:3px',
    ...states.map((state) => `  state "${state}" as ${name(state)}`),
    '  [*] --> enroll',
    ...PROVISION_TRANSITIONS.map(({ from, event, to }) => `  ${name(from)} --> ${name(to)}: ${event}`),
    `  class ${[...STABLE_STATES].map(name).join(',')} stable`,
    '```',
    '',
  ].join('\n');
}
