import { findCondition } from '../../../src/api/condition.ts';
import type { Container, ContainerDetail, Phase } from '../../../src/api/container.ts';
import type { ContainerEvent, EventObject } from '../../../src/api/event.ts';
import type { Generation } from '../../../src/api/generation.ts';
import type { JsonObject } from '../../../src/api/manifest.ts';
import type { ManifestContent } from '../../../src/api/manifest-content.ts';
import type { Revision } from '../../../src/api/revision.ts';
import type {
  ControlPort,
  Creation,
  Draft,
  FileText,
  ManifestChange,
  NixUpdate,
  ObjectChange,
  OverallStatus,
  Preview,
  Removal,
  RemovalOptions,
  RolloutAnswer,
  UpdateAnswer,
  Verb,
  Writing,
} from '../../../src/controller/ports.ts';

const CREATED = '2026-01-01T00:00:00Z';

/**
 * A controller in memory: containers one can set, a history of what was asked of it, and reactions one can choose. What
 * it gives out looks as the real one's does.
 */
export class ControlModel implements ControlPort {
  readonly requests: { readonly name: string; readonly verb: Verb }[] = [];
  readonly generationsOf = new Map<string, readonly Generation[]>();
  readonly updates: { readonly name: string; readonly update: NixUpdate }[] = [];
  updateAnswer: UpdateAnswer = { isAccepted: true, requestedAt: CREATED, generation: null };
  onUpdate: (name: string, update: NixUpdate) => void = () => {};
  readonly previewed: (readonly FileText[])[] = [];
  readonly histories = new Map<string, readonly ContainerEvent[]>();
  /** What happens after a verb was accepted; by default nothing. */
  onRequest: (name: string, verb: Verb) => void = () => {};
  onPreview: (files: readonly FileText[]) => Promise<readonly Preview[]> = async () => [];
  readonly drafts: Draft[] = [];
  onCreate: (draft: Draft) => Creation = draft => ({
    is: 'created',
    name: draft.name,
    file: `/etc/nspawnd/manifests/created/${draft.name}.yaml`,
    content: { labels: draft.labels, annotations: draft.annotations, spec: draft.spec },
  });
  /** What a writing comes to; by default it is done, and told to the watchers. */
  onWrite: ((name: string, content: ManifestContent) => Writing) | null = null;
  readonly written: {
    readonly name: string;
    readonly content: ManifestContent;
    readonly isDryRun: boolean;
  }[] = [];
  onRemove: (name: string) => Removal = name => ({
    is: 'removed',
    file: `/etc/nspawnd/manifests/created/${name}.yaml`,
    root: `/var/lib/machines/${name}`,
  });
  onRootObjection: (path: string, except: string) => string | null = () => null;
  healthy = true;
  sourceStatus: OverallStatus = {
    directory: '/etc/nspawnd/manifests',
    isHealthy: true,
    namesFault: '',
    message: '',
    problems: [],
    held: null,
    files: 1,
    lastScan: CREATED,
  };
  readonly #containers = new Map<string, Container>();
  readonly #listeners = new Set<(change: ObjectChange<Container>) => void>();
  readonly #eventListeners = new Set<(change: ObjectChange<EventObject>) => void>();
  readonly #events = new Map<string, EventObject>();
  #version = 100;
  #leader = 4000;

  /** Makes or changes a container and tells the watchers. */
  put(name: string, change: ContainerFacts = {}): Container {
    const old = this.#containers.get(name);
    const object = makeContainer(name, this.#nextVersion(), change, old);
    this.#containers.set(name, object);
    this.#tell({ type: old === undefined ? 'ADDED' : 'MODIFIED', object, before: old ?? null });
    return object;
  }

  /** A container as it is given, and the watchers are told. */
  replace(object: Container): void {
    const metadata = { ...object.metadata, resourceVersion: this.#nextVersion() };
    const before = this.#containers.get(metadata.name) ?? null;
    this.#containers.set(metadata.name, { ...object, metadata });
    this.#tell({ type: 'MODIFIED', object: { ...object, metadata }, before });
  }

  /** A run of its own, as after every launch. */
  putRunning(name: string, change: ContainerFacts = {}): Container {
    this.#leader += 1;
    return this.put(name, {
      phase: 'Running',
      ready: 'True',
      reason: 'Ready',
      message: '',
      leader: this.#leader,
      startedAt: new Date(Date.parse(CREATED) + this.#leader).toISOString(),
      ...change,
    });
  }

  remove(name: string): void {
    const old = this.#containers.get(name);
    if (old === undefined) return;
    this.#containers.delete(name);
    const metadata = { ...old.metadata, resourceVersion: this.#nextVersion() };
    this.#tell({ type: 'DELETED', object: { ...old, metadata }, before: old });
  }

  watcherCount(): number {
    return this.#listeners.size;
  }

  list(): readonly Container[] {
    return [...this.#containers.values()];
  }

  get(name: string): Container | null {
    return this.#containers.get(name) ?? null;
  }

  describe(name: string): ContainerDetail | null {
    const container = this.get(name);
    return container === null ? null : { container, events: this.histories.get(name) ?? [] };
  }

  watch(listener: (change: ObjectChange<Container>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  events(): readonly EventObject[] {
    return [...this.#events.values()];
  }

  watchEvents(listener: (change: ObjectChange<EventObject>) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Something happens to a container, with the version of the moment. */
  record(event: EventObject): void {
    const { name } = event.metadata;
    const before = this.#events.get(name) ?? null;
    const object = { ...event, metadata: { ...event.metadata, resourceVersion: this.#nextVersion() } };
    this.#events.set(name, object);
    for (const listener of this.#eventListeners)
      listener({ type: before === null ? 'ADDED' : 'MODIFIED', object, before });
  }

  resourceVersion(): string {
    return String(this.#version);
  }

  source(): OverallStatus {
    return this.sourceStatus;
  }

  async request(name: string, verb: Verb): Promise<Container | null> {
    const container = this.get(name);
    if (container === null) return null;
    this.requests.push({ name, verb });
    setImmediate(() => this.onRequest(name, verb));
    return container;
  }

  async generations(name: string): Promise<readonly Generation[] | null> {
    return this.get(name) === null ? null : (this.generationsOf.get(name) ?? []);
  }

  async update(name: string, update: NixUpdate): Promise<UpdateAnswer | null> {
    if (this.get(name) === null) return null;
    this.updates.push({ name, update });
    setImmediate(() => this.onUpdate(name, update));
    return this.updateAnswer;
  }

  readonly revisionsOf = new Map<string, readonly Revision[]>();
  readonly rollouts: {
    readonly name: string;
    readonly verb: 'retry' | 'undo';
    readonly to: number | null;
  }[] = [];
  rolloutAnswer: RolloutAnswer = { is: 'done', specHash: 'v1-1', file: null };
  /** What happens after that was accepted; by default nothing. */
  onRollout: (name: string) => void = () => {};

  revisions(name: string): readonly Revision[] | null {
    return this.revisionsOf.get(name) ?? null;
  }

  retry(name: string): Promise<RolloutAnswer | null> {
    return this.#roll({ name, verb: 'retry', to: null });
  }

  undo(name: string, to: number | null): Promise<RolloutAnswer | null> {
    return this.#roll({ name, verb: 'undo', to });
  }

  async #roll(rollout: ControlModel['rollouts'][number]): Promise<RolloutAnswer | null> {
    if (this.get(rollout.name) === null) return null;
    this.rollouts.push(rollout);
    setImmediate(() => this.onRollout(rollout.name));
    return this.rolloutAnswer;
  }

  readonly suspended = new Map<string, number | null>();
  readonly reconciled: string[] = [];

  async suspend(name: string, forMs: number | null): Promise<Container | null> {
    if (this.get(name) !== null) this.suspended.set(name, forMs);
    return this.get(name);
  }

  async resume(name: string): Promise<Container | null> {
    this.suspended.delete(name);
    return this.get(name);
  }

  async reconcile(name: string): Promise<Container | null> {
    if (this.get(name) !== null) this.reconciled.push(name);
    return this.get(name);
  }

  async confirmPrune(hash: string): Promise<boolean> {
    const { held } = this.sourceStatus;
    if (held?.hash !== hash) return false;
    this.sourceStatus = { ...this.sourceStatus, held: null, message: '' };
    for (const name of held.names) this.remove(name);
    return true;
  }

  async createManifest(draft: Draft): Promise<Creation> {
    this.drafts.push(draft);
    return this.onCreate(draft);
  }

  async writeManifest(
    name: string,
    change: ManifestChange,
    { expectedVersion, isDryRun }: { readonly expectedVersion: string | null; readonly isDryRun: boolean },
  ): Promise<Writing> {
    const known = this.get(name);
    if (known !== null && expectedVersion !== null && expectedVersion !== known.metadata.resourceVersion)
      return { is: 'objected', objection: { is: 'conflict', message: `${name} has changed` } };
    const { labels = {}, annotations = {} } = known?.metadata ?? {};
    const content = change(known === null ? null : { labels, annotations, spec: known.spec });
    if ('is' in content) return { is: 'objected', objection: content };
    this.written.push({ name, content, isDryRun });
    if (this.onWrite !== null) return this.onWrite(name, content);
    const object = known ?? makeContainer(name, '', {});
    if (!isDryRun)
      this.replace({
        ...object,
        metadata: { ...object.metadata, labels: content.labels, annotations: content.annotations },
        spec: content.spec,
      });
    const file = `/etc/nspawnd/manifests/created/${name}.yaml`;
    return { is: 'written', file, content, isNew: known === null };
  }

  async removeManifest(name: string, { isDryRun }: RemovalOptions): Promise<Removal> {
    if (this.get(name) === null) return { is: 'unknown' };
    const removal = this.onRemove(name);
    if (removal.is === 'removed' && !isDryRun) setImmediate(() => this.remove(name));
    return removal;
  }

  async rootObjection(path: string, except: string): Promise<string | null> {
    return this.onRootObjection(path, except);
  }

  preview(files: readonly FileText[]): Promise<readonly Preview[]> {
    this.previewed.push(files);
    return this.onPreview(files);
  }

  isHealthy(): boolean {
    return this.healthy;
  }

  #nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }

  #tell(change: ObjectChange<Container>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

export interface ContainerFacts {
  readonly phase?: Phase;
  readonly ready?: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly leader?: number | null;
  readonly startedAt?: string | null;
  readonly restarts?: number;
  readonly addresses?: readonly string[];
  readonly nextRetryTime?: string | null;
  readonly waitingFor?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: JsonObject;
  readonly conditions?: Container['status']['conditions'];
  readonly createdAt?: string;
}

/** A container as the API shows it; what is not given stays as it was, `null` takes it away. */
export function makeContainer(
  name: string,
  resourceVersion: string,
  facts: ContainerFacts,
  old?: Container,
): Container {
  const { phase = old?.status.phase ?? 'Pending', createdAt = CREATED } = facts;
  const before = old === undefined ? undefined : findCondition(old.status.conditions, 'Ready');
  const ready = {
    type: 'Ready',
    status: facts.ready ?? before?.status ?? 'Unknown',
    reason: facts.reason ?? before?.reason ?? 'Pending',
    message: facts.message ?? before?.message ?? '',
    lastTransitionTime: createdAt,
    observedGeneration: 1,
  } as const;
  const optional = <K extends string, V>(key: K, value: V | null | undefined) =>
    (value === undefined || value === null ? {} : { [key]: value }) as { [key in K]?: V };
  const labels = facts.labels ?? old?.metadata.labels;
  return {
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: {
      name,
      uid: `uid-${name}`,
      generation: 1,
      resourceVersion,
      creationTimestamp: createdAt,
      ...(labels === undefined ? {} : { labels }),
      annotations: { 'nspawnd.io/manifest': `/etc/nspawnd/manifests/${name}.yaml:1` },
    },
    spec: facts.spec ?? old?.spec ?? { root: `/var/lib/machines/${name}` },
    status: {
      observedGeneration: 1,
      phase,
      conditions: [ready, ...(facts.conditions ?? [])],
      restarts: facts.restarts ?? old?.status.restarts ?? 0,
      addresses: facts.addresses ?? old?.status.addresses ?? [],
      unit: `container@${name}.service`,
      ...optional('leader', facts.leader === undefined ? old?.status.leader : facts.leader),
      ...optional('startedAt', facts.startedAt === undefined ? old?.status.startedAt : facts.startedAt),
      ...optional(
        'nextRetryTime',
        facts.nextRetryTime === undefined ? old?.status.nextRetryTime : facts.nextRetryTime,
      ),
      ...optional('waitingFor', facts.waitingFor === undefined ? old?.status.waitingFor : facts.waitingFor),
    } as Container['status'],
  };
}
