import { chmod, mkdir, rm } from 'node:fs/promises';
import type { ControlPort, MetricsPort } from '../controller/ports.ts';
import { buildApp } from './app.ts';
import { containerKind } from './container-kind.ts';
import type { Credentials } from './credentials.ts';
import { eventKind } from './event-kind.ts';
import { kubeconfig } from './kubeconfig.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { ServerLog } from './log.ts';
import { KUBECONFIG, READ_SOCKET, ROOT_SOCKET } from './protocol.ts';
import { allRoutes } from './routes.ts';
import { placeSocket } from './socket-file.ts';
import { WatchHistory } from './watch-history.ts';
import { Watchers } from './watchers.ts';

export interface ServerOptions {
  readonly control: ControlPort;
  readonly metrics: MetricsPort;
  readonly runtimeDirectory: string;
  /** Where what makes the TCP listener trusted is kept. */
  readonly stateDirectory: string;
  /** Group that may read; null: the reading socket is root's, too. */
  readonly readGroupId: number | null;
  /** Group that may do everything, which makes it root; null: root alone. */
  readonly writeGroupId: number | null;
  /** On loopback; null: no listener but the sockets. */
  readonly tcp: { readonly host: string; readonly port: number } | null;
  readonly version: string;
  readonly log: ServerLog;
  /** For tests and unusual hosts. */
  readonly limits?: Partial<Limits>;
}

export interface Server {
  /** Ends open watches, takes the sockets away and resolves promptly, whatever clients do. May be called twice. */
  close(): Promise<void>;
}

/**
 * The face of the daemon: two unix sockets with Kubernetes' resource paths. It reads status and passes requests on.
 *
 * Architecture invariant: nothing is decided here, and no file but `app.ts` knows the HTTP library. A peer's identity
 * cannot be read in Node, so who may do what is the mode of the socket: `nspawnd.sock` is root's and has all verbs,
 * `read.sock` has GET only. Over TCP it is a token.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { control, metrics, runtimeDirectory, readGroupId, writeGroupId, tcp, version, log } = options;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  await mkdir(runtimeDirectory, { recursive: true, mode: 0o755 });
  // Whatever the umask made of it: both sockets must be reachable, and only root may put files beside them.
  await chmod(runtimeDirectory, 0o755);

  const rootSocket = `${runtimeDirectory}/${ROOT_SOCKET}`;
  const readSocket = `${runtimeDirectory}/${READ_SOCKET}`;
  const histories: readonly WatchHistory[] = [
    new WatchHistory(containerKind, control, limits),
    new WatchHistory(eventKind, control, limits),
  ];
  const undo: (() => Promise<void> | void)[] = histories.map(history => () => history.close());
  const close = async () => {
    await Promise.all(undo.splice(0).map(step => step()));
  };

  // Of all sockets together: what one has under way the others wait for.
  const routes = allRoutes(limits);
  const makeApp = (readingOnlyBecause: string | null, credentials: Credentials | null) => {
    const watchers = new Watchers(control, histories, limits);
    const app = buildApp({
      control,
      metrics,
      version,
      limits,
      routes,
      watchers,
      readingOnlyBecause,
      credentials,
      log,
    });
    undo.push(async () => {
      watchers.close();
      await app.close();
    });
    return app;
  };
  const open = async (path: string, groupId: number | null, onlyBecause: string | null) => {
    const app = makeApp(onlyBecause, null);
    const mode = groupId === null ? 0o600 : 0o660;
    undo.push(await placeSocket({ path, mode, groupId }, bound => app.listen({ path: bound })));
  };
  const openTcp = async ({ host, port }: NonNullable<ServerOptions['tcp']>, file: string) => {
    const { keepCredentials, writePrivately } = await import('./credentials.ts');
    const credentials = await keepCredentials(`${options.stateDirectory}/api`, Date.now());
    const app = makeApp(null, credentials);
    await app.listen({ host, port });
    const address = app.server.address();
    const bound = typeof address === 'object' && address !== null ? address.port : port;
    await writePrivately(file, kubeconfig(host, bound, credentials));
    log.info({ host, port: bound, kubeconfig: file }, 'Listening on TCP');
  };

  const kubeconfigFile = `${runtimeDirectory}/${KUBECONFIG}`;
  try {
    await open(rootSocket, writeGroupId, null);
    const explain = `this socket is for reading only; for anything else use ${rootSocket} (as root)`;
    await open(readSocket, readGroupId, explain);
    // An old one would lead to where nobody listens any more.
    await rm(kubeconfigFile, { force: true });
    if (tcp !== null) await openTcp(tcp, kubeconfigFile);
  } catch (error) {
    await close();
    throw error;
  }
  log.info({ rootSocket, readSocket, readGroupId, writeGroupId }, 'Control sockets are open');
  return { close };
}
