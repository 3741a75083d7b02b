import type { JsonObject } from '../../core/base/json.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { ProductClient } from './api-client.ts';
import { nodePath, type NodeFlags } from './node-connection.ts';

/** `node timeline --follow`: the event stream of the API, the lines of one node, from its last fifty on, until Ctrl-C; with `--json` an object a line. */
const LINES_BEFORE = 50;
const RECONNECT_MS = 1000;

interface FollowFlags extends NodeFlags {
  readonly all?: true;
}

export const eventLine = (event: JsonObject): string =>
  `${String(event['at'])}  ${String(event['source']).padEnd(8)} ${String(event['message'])}`;

export async function followTimeline(terminal: Terminal, client: ProductClient, id: string, flags: FollowFlags): Promise<void> {
  const { uuid } = await client.call('GET', nodePath(id));
  const before = (await client.call('GET', `${nodePath(id)}/timeline?limit=5000`))['events'] as JsonObject[];
  const print = (event: JsonObject) => {
    if (flags.json === true) terminal.out(JSON.stringify(event));
    else if (flags.all === true || event['severity'] !== 'debug') terminal.out(eventLine(event));
  };
  before.slice(-LINES_BEFORE).forEach(print);
  let lastId = Number(before.at(-1)?.['id'] ?? 0);
  for (;;) {
    try {
      for await (const event of readEvents(client, lastId)) {
        lastId = Number(event['id']);
        if (event['node_uuid'] === uuid) print(event);
      }
    } catch (error) {
      if (error instanceof CommandError) throw error;
    }
    // The control plane went away: the stream is resumed after the last event, nothing is lost.
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

async function* readEvents(client: ProductClient, afterId: number): AsyncGenerator<JsonObject> {
  const response = await fetch(`${client.endpoint}/v1/events`, { headers: { ...client.loginHeaders, 'last-event-id': String(afterId) } });
  if (!response.ok) throw new CommandError(`the event stream was refused (${response.status})`, EXIT_CODE.failed);
  let pending = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    pending += chunk;
    const blocks = pending.split('\n\n');
    pending = blocks.pop()!;
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as JsonObject;
    }
  }
}
