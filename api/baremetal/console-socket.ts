import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { BmcConnection, BmcError } from '../../bmc/capability.ts';
import { connectTo } from '../../flows/node-flow-services.ts';
import { createConsoleSeats, type ConsoleSeats } from '../../inventory/console-seat-service.ts';
import { insertEvents } from '../../inventory/timeline-store.ts';
import { mustFindNode, type ApiContext } from './api-context.ts';
import { createConsoleHub, type Seat } from './console-hub.ts';
import { toCall } from './baremetal-route.ts';
import { nodeFor } from './node-access.ts';

/*
 * `GET /v1/nodes/{node}/console` as a WebSocket (RFC 6455): the machine's serial console, bytes both ways in binary
 * frames, after one text frame `{"event":"open"}`. What can not be opened is told in a text frame `{"event":"failed","message","advice"}`,
 * and ends the socket with a close code and the reason.
 */
/** RFC 6455, 7.4.1: policy violation, and "try again later" of the registry. */
const CLOSE_REFUSED = 1008;
const CLOSE_TRY_LATER = 1013;
/** A close reason has at most 123 bytes. */
const REASON_CHARACTERS_MAX = 120;
/** A person types; a program that pastes more at once is cut off. */
export const CONSOLE_FRAME_BYTES_MAX = 64 * 1024;
/** Viewers that do not read are dropped before they fill the memory. */
const UNREAD_BYTES_MAX = 4 * 2 ** 20;

export function consoleSocket(app: FastifyInstance, context: ApiContext): void {
  const hub = createConsoleHub();
  const seats = createConsoleSeats(context.database);
  app.addHook('onClose', async () => {
    hub.close();
    seats.close();
  });
  app.get<{ Params: { id: string } }>('/v1/nodes/:id/console', { websocket: true }, async (socket, request) => {
    const typed: Buffer[] = [];
    const session: { seat?: Seat } = {};
    socket.on('message', (bytes: Buffer) => (session.seat ? session.seat.type(bytes) : void typed.push(bytes)));
    socket.on('close', () => session.seat?.leave());
    socket.on('error', () => socket.terminate());
    try {
      const seat = await takeSeat(request, { context, hub, seats }, socket);
      if (socket.readyState !== socket.OPEN) return seat.leave();
      session.seat = seat;
      socket.send(JSON.stringify({ event: 'open' }));
      for (const bytes of typed.splice(0)) seat.type(bytes);
    } catch (error) {
      const { message, retryable, advice } = error as Error & Partial<BmcError>;
      // A close reason is too short for both.
      socket.send(JSON.stringify({ event: 'failed', message, ...(advice === undefined ? {} : { advice }) }));
      socket.close(retryable === true ? CLOSE_TRY_LATER : CLOSE_REFUSED, message.slice(0, REASON_CHARACTERS_MAX));
    }
  });
}

async function takeSeat(
  request: FastifyRequest,
  { context, hub, seats }: { context: ApiContext; hub: ReturnType<typeof createConsoleHub>; seats: ConsoleSeats },
  socket: WebSocket,
): Promise<Seat> {
  const call = toCall(request, context);
  const node = await nodeFor(call, (request.params as { id: string }).id, 'node:get_console', 'node:set_console_state');
  const bmc = connectTo(
    { db: context.database.db, sealer: context.sealer, connectBmc: context.connectBmc },
    await mustFindNode(context, node.uuid),
  );
  const open = node.console_enabled ? fromRecorder(seats, node.uuid, bmc) : bmc.openConsole;
  const seat = await hub.join(node.uuid, (signal) => open(signal), {
    show(bytes) {
      if (socket.bufferedAmount > UNREAD_BYTES_MAX) return socket.close(CLOSE_TRY_LATER, 'the console is not read fast enough');
      socket.send(bytes);
    },
    end: (reason) => socket.close(CLOSE_TRY_LATER, reason.slice(0, REASON_CHARACTERS_MAX)),
  });
  await insertEvents(context.database.db, [
    {
      atMs: Date.now(),
      source: 'console',
      kind: 'console.opened',
      severity: 'info',
      machine: { nodeId: node.uuid },
      message: `${call.actor.userName} looks at the console`,
    },
  ]);
  return seat;
}

/** The BMC's one session: the recorder lets go of it, and has it back when the last viewer is gone. */
const fromRecorder =
  (seats: ConsoleSeats, nodeUuid: string, bmc: BmcConnection): BmcConnection['openConsole'] =>
  async (signal) => {
    const giveBack = await seats.take(nodeUuid);
    try {
      return (await bmc.openConsole(signal)).once('close', giveBack);
    } catch (error) {
      giveBack();
      throw error;
    }
  };
