import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Has the requests of one connection answered one after the other, and ends a connection that has more than
 * `maxUnanswered` of them. Node would begin with all that came in one packet at once, and keep every answer until the
 * client reads: a thousand handlers and a thousand lists for one write of 64 KiB. Our clients and Kubernetes' wait for an
 * answer before they ask again, so that they notice none of this.
 *
 * Of all connections one answer is begun at each turn of the loop, so that other work comes in between, and what somebody
 * who was cut off did not take is free before more is made.
 *
 * A watch behind another answer begins when it is its turn, too: a response that never got its socket is not told that
 * the connection is gone, and would be open forever.
 */
export function answerInTurn(server: Server, maxUnanswered: number): void {
  const handlers = server.listeners('request') as RequestListener[];
  const unanswered = new WeakMap<Socket, Turn[]>();
  /** The first has begun in this turn of the loop. */
  const due: Turn[] = [];
  const beginFirst = () => {
    setImmediate(() => {
      due.shift();
      if (due.length > 0) beginFirst();
    });
    due[0]?.();
  };
  const begin = (turn: Turn | undefined) => {
    if (turn !== undefined && due.push(turn) === 1) beginFirst();
  };
  const take = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const turns = unanswered.get(socket) ?? [];
    unanswered.set(socket, turns);
    // The rest of the packet in which the connection was ended.
    if (socket.destroyed) return;
    if (turns.length >= maxUnanswered) {
      turns.length = 0;
      socket.destroy();
      return;
    }
    turns.push(() => {
      if (!socket.writable) return;
      response.once('close', () => {
        turns.shift();
        begin(turns[0]);
      });
      for (const handle of handlers) handle(request, response);
    });
    if (turns.length === 1) begin(turns[0]);
  };
  server.removeAllListeners('request');
  server.on('request', take);
  // Else Node answers these itself, as many as there are; what they expect may be ignored (RFC 9110, 10.1.1).
  server.on('checkExpectation', take);
}

type Turn = () => void;
