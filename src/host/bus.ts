import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import dbus from 'dbus-next';
import { NspawndError } from '../errors.ts';

/** The system bus: calls with deadlines, a few match rules added by hand, and a connection that comes back by itself. */
export interface Bus {
  call(
    target: BusTarget,
    member: string,
    signature?: string,
    body?: readonly unknown[],
    timeoutMs?: number,
  ): Promise<readonly unknown[]>;
  /** Reads one property, unwrapped. */
  get(target: BusTarget, property: string): Promise<unknown>;
  onSignal(listener: (signal: BusSignal) => void): void;
  /** Called after every connection but the first: what was announced meanwhile is lost. */
  onReconnect(listener: () => void): void;
  isConnected(): boolean;
  close(): void;
}

export interface BusTarget {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
}

export interface BusSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

const ADDRESS = process.env.DBUS_SYSTEM_BUS_ADDRESS ?? 'unix:path=/run/dbus/system_bus_socket';
const CALL_TIMEOUT_MS = 10_000;
const RECONNECT_MS = 250;

/**
 * No proxy objects and no `_addMatch` of dbus-next: its counting of rules is broken (PR #110) and would reach the daemon's
 * limit. `matches` is the whole list of rules; it is added again on every connection.
 */
export async function connectBus(
  matches: readonly string[],
  onConnected: (bus: Bus) => Promise<void>,
): Promise<Bus> {
  const bus = new SystemBus(matches, onConnected);
  await bus.open();
  return bus;
}

class SystemBus implements Bus {
  readonly #matches: readonly string[];
  readonly #onConnected: (bus: Bus) => Promise<void>;
  readonly #events = new EventEmitter();
  /** Rejects every call in flight when the connection is lost; dbus-next would leave them pending for ever. */
  readonly #inFlight = new Set<(error: Error) => void>();
  #connection: dbus.MessageBus | null = null;
  #isClosed = false;

  constructor(matches: readonly string[], onConnected: (bus: Bus) => Promise<void>) {
    this.#matches = matches;
    this.#onConnected = onConnected;
    this.#events.setMaxListeners(0);
  }

  async open(): Promise<void> {
    const connection = dbus.sessionBus({ busAddress: ADDRESS.replace(/^unix:path=/, 'unix:socket=') });
    const stream = streamOf(connection);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => fail(new Error(`no answer within ${CALL_TIMEOUT_MS} ms`)),
        CALL_TIMEOUT_MS,
      );
      const fail = (error: Error) => {
        clearTimeout(timer);
        stream.destroy();
        reject(
          new NspawndError('BusUnavailable', `the system bus (${ADDRESS}) is unavailable: ${error.message}`, {
            cause: error,
          }),
        );
      };
      connection.once('error', fail);
      stream.once('close', () => fail(new Error('closed')));
      connection.once('connect', () => {
        clearTimeout(timer);
        connection.off('error', fail);
        resolve();
      });
    });
    this.#connection = connection;
    connection.on('error', () => stream.destroy());
    connection.on('message', message => this.#receive(message));
    stream.once('close', () => this.#lose(connection));
    for (const rule of this.#matches) await this.call(BUS_DAEMON, 'AddMatch', 's', [rule]);
    await this.#onConnected(this);
  }

  call(
    target: BusTarget,
    member: string,
    signature = '',
    body: readonly unknown[] = [],
    timeoutMs = CALL_TIMEOUT_MS,
  ) {
    const connection = this.#connection;
    if (connection === null)
      return Promise.reject(new NspawndError('BusUnavailable', 'the system bus is not connected'));
    const message = new dbus.Message({ ...target, member, signature, body: [...body] });
    return new Promise<readonly unknown[]>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#inFlight.delete(lose);
        act();
      };
      const lose = (error: Error) => settle(() => reject(error));
      const timer = setTimeout(
        () =>
          lose(
            new NspawndError(
              'BusTimeout',
              `${target.destination} ${member}: no answer within ${timeoutMs} ms`,
            ),
          ),
        timeoutMs,
      );
      this.#inFlight.add(lose);
      gather(streamOf(connection));
      connection.call(message).then(
        reply => settle(() => resolve(reply?.body ?? [])),
        error => settle(() => reject(new BusCallError(target, member, error))),
      );
    });
  }

  async get(target: BusTarget, property: string): Promise<unknown> {
    const properties = { ...target, interface: 'org.freedesktop.DBus.Properties' };
    const [variant] = await this.call(properties, 'Get', 'ss', [target.interface, property]);
    return (variant as dbus.Variant).value;
  }

  onSignal(listener: (signal: BusSignal) => void): void {
    this.#events.on('signal', listener);
  }

  onReconnect(listener: () => void): void {
    this.#events.on('reconnect', listener);
  }

  isConnected(): boolean {
    return this.#connection !== null;
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.disconnect();
  }

  /** A rule says whose broadcasts come here. A signal with a destination comes whatever the rules say, and from any user. */
  #receive(message: dbus.Message): void {
    const { type, destination, path, interface: iface, member, body } = message;
    if (type !== dbus.MessageType.SIGNAL || destination) return;
    this.#events.emit('signal', {
      path: path ?? '',
      interface: iface ?? '',
      member: member ?? '',
      body: body ?? [],
    });
  }

  #lose(connection: dbus.MessageBus): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    for (const lose of [...this.#inFlight])
      lose(new NspawndError('BusUnavailable', 'the connection to the system bus was lost'));
    if (!this.#isClosed) this.#reconnect();
  }

  #reconnect(): void {
    setTimeout(async () => {
      if (this.#isClosed) return;
      try {
        await this.open();
        this.#events.emit('reconnect');
      } catch {
        // Still away: the calls made meanwhile say so to whoever needs the bus.
        if (this.#connection === null) this.#reconnect();
      }
    }, RECONNECT_MS);
  }
}

/** dbus-next keeps its stream to itself, and says nothing when it closes; its typings leave it out. */
function streamOf(connection: dbus.MessageBus): Socket {
  return (connection as unknown as { readonly _connection: { readonly stream: Socket } })._connection.stream;
}

/** What is asked in one turn goes out together: each writing wakes the bus, which takes the processor from somebody. */
function gather(stream: Socket): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** The bus answered with an error; `busName` is its name, such as `org.freedesktop.systemd1.NoSuchUnit`. */
export class BusCallError extends NspawndError {
  readonly busName: string;

  constructor(target: BusTarget, member: string, cause: unknown) {
    const { type, text } = cause as { type?: string; text?: string };
    super('BusError', `${target.destination} ${member}: ${text ?? String(cause)}`, { cause });
    this.busName = type ?? '';
  }
}

/** Runs a call for which some errors are answers; `orElse` is what they mean. */
export async function unlessBusError<T>(
  busNames: readonly string[],
  orElse: T,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof BusCallError && busNames.includes(error.busName)) return orElse;
    throw error;
  }
}

const BUS_DAEMON: BusTarget = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/** sd_bus_path_encode(3): everything but letters and digits becomes `_` and two hex digits, a leading digit too. */
export function escapeLabel(label: string): string {
  return label.replace(
    /^[0-9]|[^A-Za-z0-9]/g,
    character => `_${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
