import { findCondition } from '../api/condition.ts';
import type { Container, ContainerDetail } from '../api/container.ts';
import type { EventObject } from '../api/event.ts';
import type { Generation } from '../api/generation.ts';
import { isNixMade } from '../api/nix-source.ts';
import { NspawndError } from '../errors.ts';
import type { Log } from '../log.ts';
import { HOST_KEY } from '../planning/host-planner.ts';
import { SharedWork } from '../shared-work.ts';
import { requestUpdate } from './nix-updates.ts';
import type {
  ControlPort,
  Creation,
  Draft,
  FileText,
  HostPort,
  LoopObserver,
  ManifestChange,
  ManifestPort,
  NixUpdate,
  ObjectChange,
  OverallStatus,
  Preview,
  QueueFigures,
  Removal,
  RemovalOptions,
  RolloutAnswer,
  UpdateAnswer,
  Verb,
  Writing,
} from './ports.ts';
import { preview } from './preview.ts';
import { Reconciler } from './reconciler.ts';
import { Resting } from './resting.ts';
import { retrySpec, undoSpec } from './rollouts.ts';
import { saysTheSame, unlessEdited } from './seen-manifest.ts';
import { StartGate } from './start-gate.ts';
import { StatusStore } from './status-store.ts';
import { WorkQueue } from './work-queue.ts';

export interface ControllerOptions {
  readonly workers: number;
  readonly relistMs: number;
  /** How many guests may boot at once; null: as suits the machine's cores. */
  readonly maxConcurrentBoots?: number | null;
}

/**
 * The loop: triggers become keys, keys are reconciled, and every `relistMs` everything is looked at again, so that a lost
 * trigger costs time and nothing else.
 */
export class Controller implements ControlPort {
  readonly #manifests: ManifestPort;
  readonly #host: HostPort;
  readonly #store: StatusStore;
  readonly #reconciler: Reconciler;
  readonly #gate: StartGate;
  readonly #queue: WorkQueue;
  readonly #resting: Resting;
  readonly #observer: LoopObserver | null;
  readonly #log: Log;
  readonly #options: ControllerOptions;
  readonly #abort = new AbortController();
  #relistTimer: NodeJS.Timeout | null = null;
  readonly #relists = new SharedWork<void>();
  #relistedAt = performance.now();
  /** The last of the writings that wait for their turn. */
  #writing: Promise<unknown> = Promise.resolve();

  /** `observer` hears what the loop does; null: nobody. */
  constructor(
    manifests: ManifestPort,
    host: HostPort,
    log: Log,
    options: ControllerOptions,
    observer: LoopObserver | null = null,
  ) {
    this.#manifests = manifests;
    this.#host = host;
    this.#log = log;
    this.#options = options;
    this.#store = new StatusStore((name, memory) =>
      host
        .saveMemory(name, memory)
        .catch(error => log.warn({ err: error, key: name }, 'status could not be saved')),
    );
    this.#gate = new StartGate(options.maxConcurrentBoots ?? null, name => this.#queue.add(name));
    this.#reconciler = new Reconciler(manifests, host, this.#store, this.#gate, log);
    this.#observer = observer;
    this.#resting = new Resting(manifests, host, options.relistMs / 2);
    const order = (key: string) => this.#gate.orderOf(key, manifests.desired(key));
    this.#queue = new WorkQueue(options.workers, key => this.#work(key), observer, order);
  }

  /** Resolves when the manifests and the host have been read once and everything found is in the queue. */
  async start(): Promise<void> {
    const { signal } = this.#abort;
    await this.#host.start((name, withinMs) => this.#onHostTrigger(name, withinMs), signal);
    this.#gate.adopt(await this.#host.booting());
    await this.#manifests.start(names => this.#onManifestTrigger(names), signal);
    await this.#relist();
    this.#scheduleRelist();
  }

  /** Stops deciding; every container goes on. */
  async stop(): Promise<void> {
    if (this.#relistTimer !== null) clearTimeout(this.#relistTimer);
    this.#abort.abort();
    this.#gate.stop();
    await this.#queue.stop();
  }

  list(): readonly Container[] {
    return this.#store.list();
  }

  get(name: string): Container | null {
    return this.#store.get(name);
  }

  describe(name: string): ContainerDetail | null {
    return this.#store.describe(name);
  }

  watch(listener: (change: ObjectChange<Container>) => void): () => void {
    return this.#store.watch(listener);
  }

  events(): readonly EventObject[] {
    return this.#store.events();
  }

  watchEvents(listener: (change: ObjectChange<EventObject>) => void): () => void {
    return this.#store.watchEvents(listener);
  }

  resourceVersion(): string {
    return this.#store.resourceVersion();
  }

  source(): OverallStatus {
    return { ...this.#manifests.status(), namesFault: this.#reconciler.namesFault };
  }

  async request(name: string, verb: Verb): Promise<Container | null> {
    const container = this.#store.get(name);
    if (container === null) return null;
    const suspended = findCondition(container.status.conditions, 'Suspended');
    if (suspended !== undefined) throw new NspawndError('Suspended', `${name}: ${suspended.message}`);
    await this.#host.putRequest(name, verb, `nspawnctl ${verb}`);
    this.#queue.add(name);
    return container;
  }

  async generations(name: string): Promise<readonly Generation[] | null> {
    return this.#store.get(name) === null ? null : this.#host.generations(name);
  }

  async update(name: string, update: NixUpdate): Promise<UpdateAnswer | null> {
    const container = this.#store.get(name);
    if (container === null) return null;
    const desired = this.#manifests.desired(name);
    if (desired.state !== 'present' || !isNixMade(desired.manifest.spec))
      return { isAccepted: false, because: `${name} has no system made by Nix (path, config or flake)` };
    const answer = await requestUpdate(this.#host, name, update);
    this.#queue.add(name);
    return answer;
  }

  async suspend(name: string, forMs: number | null): Promise<Container | null> {
    if (this.#store.get(name) === null) return null;
    const since = Date.now();
    await this.#host.putSuspension(name, { since, until: forMs === null ? null : since + forMs });
    await this.#queue.run(name);
    return this.#store.get(name);
  }

  async resume(name: string): Promise<Container | null> {
    if (this.#store.get(name) === null) return null;
    await this.#host.putSuspension(name, null);
    return this.reconcile(name);
  }

  async reconcile(name: string): Promise<Container | null> {
    if (this.#store.get(name) === null) return null;
    await Promise.all([this.#manifests.rescan(), this.#host.lookAgain(name)]);
    await this.#queue.run(name);
    return this.#store.get(name);
  }

  readonly revisions: ControlPort['revisions'] = name => this.#manifests.revisions(name);

  retry(name: string): Promise<RolloutAnswer | null> {
    return retrySpec(this.#manifests, name, this.#store.get(name) !== null);
  }

  undo(name: string, toRevision: number | null): Promise<RolloutAnswer | null> {
    return undoSpec(this.#manifests, name, toRevision, change =>
      this.writeManifest(name, change, { expectedVersion: null, isDryRun: false }),
    );
  }

  async confirmPrune(hash: string): Promise<boolean> {
    const isConfirmed = await this.#manifests.confirmPrune(hash);
    if (isConfirmed) await this.#relist();
    return isConfirmed;
  }

  async createManifest(draft: Draft): Promise<Creation> {
    const inUse = draft.allocateAddresses ? await this.#host.addressesInUse() : [];
    const creation = await this.#manifests.createManifest(draft, inUse);
    if (creation.is === 'created' && !draft.isDryRun) await this.#untilSeen(creation.name, () => true);
    return creation;
  }

  /** One at a time, each until it can be seen: what the next client saw before is old, and is said to be. */
  writeManifest(
    name: string,
    change: ManifestChange,
    { expectedVersion, isDryRun }: { readonly expectedVersion: string | null; readonly isDryRun: boolean },
  ): Promise<Writing> {
    const turn = this.#writing.then(async () => {
      const { resourceVersion } = this.#store.get(name)?.metadata ?? {};
      if (expectedVersion !== null && resourceVersion !== undefined && resourceVersion !== expectedVersion) {
        const message = `${name} has changed since version ${expectedVersion}: read it again, and change that`;
        return { is: 'objected', objection: { is: 'conflict', message } } as const;
      }
      const seen = expectedVersion === null ? null : this.#store.get(name);
      const writing = await this.#manifests.writeManifest(name, unlessEdited(change, name, seen), isDryRun);
      if (writing.is === 'written' && !isDryRun)
        await this.#untilSeen(name, object => saysTheSame(object, writing.content));
      return writing;
    });
    this.#writing = turn.catch(() => undefined);
    return turn;
  }

  removeManifest(name: string, options: RemovalOptions): Promise<Removal> {
    return this.#manifests.removeManifest(name, options);
  }

  rootObjection(path: string, except: string): Promise<string | null> {
    return this.#manifests.rootObjection(path, except);
  }

  preview(files: readonly FileText[]): Promise<readonly Preview[]> {
    return preview({ manifests: this.#manifests, host: this.#host }, files);
  }

  queueFigures(): QueueFigures {
    return this.#queue.figures();
  }

  isHealthy(): boolean {
    return performance.now() - this.#relistedAt < this.#options.relistMs * MISSED_RELISTS;
  }

  /** What was written can be asked for by whoever wrote it. A busy host is not waited for longer than a moment. */
  #untilSeen(name: string, isIt: (object: Container) => boolean): Promise<void> {
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(end, SEEN_DEADLINE_MS);
      const stop = this.#store.watch(({ object }) => {
        if (object.metadata.name === name && isIt(object)) end();
      });
      const known = this.#store.get(name);
      if (known !== null && isIt(known)) end();
    });
  }

  async #work(key: string): Promise<void> {
    const { signal } = this.#abort;
    const startedAt = performance.now();
    const { requeueAfterMs, hasFailed, isAtRest } = await this.#reconciler.reconcile(key, signal, () =>
      this.#queue.lookBegins(key),
    );
    this.#resting.note(key, isAtRest);
    const result = hasFailed ? 'error' : requeueAfterMs === null ? 'success' : 'requeue_after';
    this.#observer?.onReconciled(result, (performance.now() - startedAt) / 1000);
    this.#queue.cancelDelayed(key);
    if (requeueAfterMs !== null) this.#queue.addAfter(key, requeueAfterMs);
  }

  #onManifestTrigger(names: readonly string[]): void {
    if (names.length > 0) this.#queue.addAll([...names, HOST_KEY]);
  }

  #onHostTrigger(name: string | null, withinMs = 0): void {
    if (name === null) {
      this.#resting.wakeAll();
      return void this.#relist();
    }
    // A container that nobody has heard of is not looked at: it is not ours.
    if (this.#store.isKnown(name) || this.#manifests.desired(name).state === 'present')
      this.#queue.addWithin(name, withinMs);
  }

  #relist(): Promise<void> {
    return this.#relists.run(() => this.#readAll());
  }

  /** The truth behind all triggers: reads the directory and the host whole and looks at everything. */
  async #readAll(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    try {
      await this.#manifests.rescan();
      const onHost = await this.#host.list();
      await this.#manifests.adopt(onHost);
      // Of whom it cannot be told yet whether they are gone keep what they have.
      const remembered = (await this.#host.remembered()).filter(
        name => this.#manifests.desired(name).state === 'absent',
      );
      const names = [...new Set([...this.#manifests.names(), ...onHost, ...remembered])];
      this.#gate.expect(new Set(names), name => this.#manifests.desired(name));
      this.#queue.addAll([...(await this.#resting.awake(names)), HOST_KEY]);
      this.#relistedAt = performance.now();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#log.error({ err: error }, 're-list failed');
    }
  }

  #scheduleRelist(): void {
    this.#relistTimer = setTimeout(async () => {
      await this.#relist();
      if (!this.#abort.signal.aborted) this.#scheduleRelist();
    }, this.#options.relistMs);
  }
}

const SEEN_DEADLINE_MS = 5_000;
/** So many re-lists may fail or be late before the loop counts as stuck. */
const MISSED_RELISTS = 5;
