import type { Clock } from '../../../core/base/clock.ts';
import type { Random } from '../../../core/base/random.ts';
import {
  AGENT_PROTOCOL_VERSION,
  type AgentCommand,
  type AgentReport,
  type Heartbeat,
  type InspectionAnswer,
  type Inventory,
  type LookupAnswer,
  type ReportAnswer,
} from '../../protocol.ts';
import { STEP_DECLARATIONS, STEPS } from '../steps/step-table.ts';
import type { StepContext } from '../steps/step.ts';
import { runCommandToReport } from './command-runner.ts';
import type { ControlPlaneAnswer, ControlPlaneClient } from './control-plane-client.ts';
import type { LogShipper } from './log-shipper.ts';
import type { ReportJournal } from './report-journal.ts';

/**
 * The agent's life with the control plane: tell what the machine is, learn whose it is, then take commands one by one.
 * The control plane may die and come back at any point: every call is repeated until it is answered.
 */
export interface SessionOptions {
  readonly client: ControlPlaneClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logs: LogShipper;
  readonly journal: ReportJournal;
  readonly agentVersion: string;
  readonly bootMac: string;
  readonly nodeUuid?: string;
  /** Ends the session from outside; in a machine only the power does. */
  readonly signal?: AbortSignal;
  readonly stepContext: Omit<StepContext, 'signal' | 'progress' | 'clock' | 'log'>;
}

/** `stopped`: the last step was done. `reboot`: this boot's tokens are no good any more. */
export type SessionEnd = 'stopped' | 'reboot';

const BACK_OFF_FIRST_MS = 500;
const BACK_OFF_MAX_MS = 15_000;
const POLL_WAIT_SECONDS = 25;
/** Refusals of the boot token before a new boot is asked for: a control plane that just restarted may refuse some. */
const REFUSALS_MAX = 10;
/** Three beats within the time after which the control plane takes the agent for dead. */
const BEATS_PER_TIMEOUT = 3;

/** The node was given to a newer boot. */
class TokenRefused extends Error {}

const isRefusal = (answer: ControlPlaneAnswer) => answer.status === 401 || answer.status === 403;
const isSuccess = (answer: ControlPlaneAnswer) => answer.status >= 200 && answer.status < 300;

export class Session {
  readonly #options: SessionOptions;
  #status: Heartbeat['agent_status'] = 'start';

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  async run(): Promise<SessionEnd> {
    for (let enrolments = 0; enrolments < 2; enrolments += 1) {
      const worked = { done: false };
      try {
        return await this.#serve(await this.#enrol(), worked);
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error;
        this.#options.logs.log('warning', error.message);
        this.#options.client.useAgentToken(undefined);
        if (worked.done) enrolments = 0;
      }
    }
    return 'reboot';
  }

  /** Repeats until there is an answer that a retry would not change. */
  async #callUntilAnswered(method: 'GET' | 'POST', path: string, body?: unknown): Promise<ControlPlaneAnswer> {
    const { client, clock, random, logs, signal } = this.#options;
    let waitMs = BACK_OFF_FIRST_MS;
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted();
      const answer = await client
        .call(method, path, body, signal)
        .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
      if (!(answer instanceof Error) && answer.status < 500 && answer.status !== 429 && answer.status !== 408) return answer;
      const reason = answer instanceof Error ? answer.message : `it answered ${answer.status}`;
      logs.log(tries % 10 === 1 ? 'warning' : 'debug', `the control plane is not answering (${reason}); trying again`);
      // A rack that powers on together must not knock together.
      await clock.sleep(waitMs * (0.5 + random.unit() / 2), signal);
      waitMs = Math.min(BACK_OFF_MAX_MS, waitMs * 2);
    }
  }

  async #enrol(): Promise<LookupAnswer> {
    const { logs, clock, bootMac, nodeUuid, agentVersion, stepContext } = this.#options;
    logs.log('info', 'looking at the hardware');
    const inventory = await stepContext.collectInventory();
    logs.log('info', describeInventory(inventory));
    for (let refusals = 0; refusals < REFUSALS_MAX; refusals += 1) {
      const inspected = await this.#callUntilAnswered('POST', '/baremetal/v1/continue_inspection', {
        protocol: AGENT_PROTOCOL_VERSION,
        agentVersion,
        bootMac,
        inventory,
        steps: STEP_DECLARATIONS,
      });
      const addresses = inventory.nics.map((nic) => nic.mac).join(',');
      const uuid = isSuccess(inspected) ? (inspected.body as unknown as InspectionAnswer).uuid : nodeUuid;
      const lookup =
        uuid && !isRefusal(inspected)
          ? await this.#callUntilAnswered('GET', `/baremetal/v1/lookup?node_uuid=${uuid}&addresses=${addresses}`)
          : inspected;
      if (isSuccess(lookup) && lookup !== inspected) {
        const found = lookup.body as unknown as LookupAnswer;
        logs.log('info', `this machine is node ${found.node.name ?? found.node.uuid}`);
        return found;
      }
      logs.log('warning', `the control plane refuses this machine (${lookup.status}): ${JSON.stringify(lookup.body).slice(0, 300)}`);
      await clock.sleep(BACK_OFF_MAX_MS, this.#options.signal);
    }
    throw new TokenRefused('the boot token is not accepted any more');
  }

  async #serve(found: LookupAnswer, worked: { done: boolean }): Promise<SessionEnd> {
    const { client, logs } = this.#options;
    const uuid = found.node.uuid;
    client.useAgentToken(found.config.agent_token);
    const over = new AbortController();
    const stop = () => over.abort(this.#options.signal?.reason);
    this.#options.signal?.addEventListener('abort', stop, { once: true });
    const refused = (answer: ControlPlaneAnswer) => {
      if (isRefusal(answer)) over.abort(new TokenRefused('the agent token is not accepted any more: the node was given to a newer boot'));
      return answer;
    };
    const sendLog = async (log: unknown) => isSuccess(refused(await client.call('POST', `/baremetal/v1/agent/${uuid}/log`, log)));
    const shipping = logs.run(sendLog, over.signal);
    const beating = this.#beat(uuid, found.config.heartbeat_timeout, refused, over.signal);
    try {
      for (;;) {
        over.signal.throwIfAborted();
        const answer = refused(await this.#callUntilAnswered('GET', `/baremetal/v1/agent/${uuid}/command?wait=${POLL_WAIT_SECONDS}`));
        over.signal.throwIfAborted();
        if (answer.status !== 200) {
          if (answer.status !== 204) await this.#options.clock.sleep(BACK_OFF_MAX_MS / 3, over.signal);
          continue;
        }
        const command = answer.body as unknown as AgentCommand;
        const last = await this.#execute(uuid, command, refused, over.signal);
        worked.done = true;
        if (last) {
          await logs.flush(sendLog);
          return 'stopped';
        }
      }
    } finally {
      over.abort(new Error('the session is over'));
      await Promise.allSettled([shipping, beating]);
    }
  }

  /** Answers true when this was the last command. */
  async #execute(
    uuid: string,
    command: AgentCommand,
    refused: (answer: ControlPlaneAnswer) => ControlPlaneAnswer,
    over: AbortSignal,
  ): Promise<boolean> {
    const { client, clock, logs, journal, stepContext } = this.#options;
    const path = `/baremetal/v1/agent/${uuid}/report`;
    let report = journal.get(command.id);
    if (!report) {
      logs.log('info', `doing ${command.step}`);
      this.#status = 'busy';
      const sendProgress = async (running: AgentReport) => {
        const answer = refused(await client.call('POST', path, running));
        return isSuccess(answer) ? (answer.body as unknown as ReportAnswer) : undefined;
      };
      report = await runCommandToReport(command, STEPS.get(command.step), { ...stepContext, clock, log: logs.log }, sendProgress, over);
      this.#status = 'idle';
      // Work that was cut off because the node is not ours any more is nobody's result.
      over.throwIfAborted();
      journal.put(report);
      logs.log(
        report.status === 'succeeded' ? 'info' : 'error',
        report.error ? `${command.step} failed: ${report.error.message} (${report.error.code})` : `${command.step} done`,
      );
    }
    const answer = refused(await this.#callUntilAnswered('POST', path, report));
    over.throwIfAborted();
    if (!isSuccess(answer)) logs.log('warning', `the report of ${command.step} was answered with ${answer.status}`);
    return command.step === 'sync_and_stop' && report.status === 'succeeded' && isSuccess(answer);
  }

  async #beat(
    uuid: string,
    timeoutSeconds: number,
    refused: (answer: ControlPlaneAnswer) => ControlPlaneAnswer,
    over: AbortSignal,
  ): Promise<void> {
    const { client, clock, agentVersion } = this.#options;
    const everyMs = Math.max(1, timeoutSeconds / BEATS_PER_TIMEOUT) * 1000;
    while (!over.aborted) {
      const heartbeat: Heartbeat = {
        callback_url: '',
        agent_version: agentVersion,
        agent_token: client.agentToken,
        agent_status: this.#status,
      };
      const answer = await client.call('POST', `/baremetal/v1/heartbeat/${uuid}`, heartbeat, over).then(refused, () => undefined);
      if (answer && isSuccess(answer) && this.#status === 'start') this.#status = 'idle';
      await clock.sleep(everyMs, over).catch(() => {});
    }
  }
}

const describeInventory = (inventory: Inventory): string =>
  `${inventory.system.manufacturer ?? 'a machine'} ${inventory.system.product ?? ''} ${inventory.system.serial ?? ''}: ${inventory.cpu.threads} threads, ` +
  `${Math.round(inventory.memory.totalBytes / 2 ** 20)} MiB, ${inventory.disks.length} disks, ${inventory.nics.length} NICs, ${inventory.boot.firmwareMode}`;
