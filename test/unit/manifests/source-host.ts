import { chmod, mkdir, mkdtemp, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ManifestPort } from '../../../src/controller/ports.ts';
import { createManifestSource } from '../../../src/manifests/source.ts';
import type { ManifestSourceOptions } from '../../../src/manifests/source-options.ts';
import { hostLinkName } from '../../../src/planning/link-name.ts';
import { SkippingClock } from './skipping-clock.ts';

/** A real directory with a source on it, and the ways in which people put files into it. */
export class SourceHost {
  readonly base: string;
  readonly clock = new SkippingClock();
  readonly triggered: string[] = [];
  readonly logged: LogLine[] = [];
  bootId = 'boot-1';
  hostAddresses: string[] = [];
  /** How the host says which it has; it may take its time. */
  hostAddressesAnswer = async (): Promise<readonly string[]> => this.hostAddresses;
  source!: ManifestPort;
  #abort = new AbortController();

  constructor(base: string) {
    this.base = base;
  }

  /** With a directory, and a source started on it that has seen a host with these names. */
  static async start(context: TestContext, options: StartOptions = {}): Promise<SourceHost> {
    const host = await SourceHost.prepare(context);
    if (options.hasDirectory !== false) await mkdir(host.directory);
    await Promise.all(Object.entries(options.files ?? {}).map(([file, text]) => host.moveIn(file, text)));
    await host.startSource(options.onHost ?? []);
    return host;
  }

  static async prepare(context: TestContext): Promise<SourceHost> {
    const base = await realpath(await mkdtemp(join(tmpdir(), 'nspawnd-manifests-')));
    const host = new SourceHost(base);
    context.after(async () => {
      host.stopSource();
      await chmod(host.directory, 0o755).catch(() => undefined);
      await rm(base, { recursive: true, force: true });
    });
    return host;
  }

  get directory(): string {
    return join(this.base, 'manifests');
  }

  get stateDirectory(): string {
    return join(this.base, 'state');
  }

  /** As after a kill -9: a new source on the same disk. */
  async startSource(
    onHost: readonly string[] | null = [],
    options: Partial<ManifestSourceOptions> = {},
  ): Promise<void> {
    this.stopSource();
    this.#abort = new AbortController();
    const log = (level: string) => (fields: object, message: string) =>
      this.logged.push({ level, message, fields });
    this.source = createManifestSource({
      directory: this.directory,
      stateDirectory: this.stateDirectory,
      ownerUid: process.getuid?.() ?? 0,
      hostName: 'testhost.example.org',
      bootId: this.bootId,
      hostLinkName,
      hostAddresses: () => this.hostAddressesAnswer(),
      clock: this.clock,
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      ...options,
    });
    await this.source.start(names => this.triggered.push(...names), this.#abort.signal);
    if (onHost !== null) await this.source.adopt(onHost);
  }

  stopSource(): void {
    this.#abort.abort();
  }

  path(file: string): string {
    return join(this.directory, file);
  }

  /** As careful people do: written aside a while ago, then renamed. */
  async moveIn(file: string, text: string): Promise<void> {
    const aside = join(this.base, `aside-${Math.random().toString(36).slice(2)}`);
    await writeFile(aside, text, { mode: 0o644 });
    const earlier = new Date(Date.now() - 60_000);
    await utimes(aside, earlier, earlier);
    await mkdir(dirname(this.path(file)), { recursive: true });
    await rename(aside, this.path(file));
  }

  /** As most people do. */
  async writeInPlace(file: string, text: string): Promise<void> {
    await writeFile(this.path(file), text, { mode: 0o644 });
  }

  async remove(...files: string[]): Promise<void> {
    await Promise.all(files.map(file => rm(this.path(file))));
  }

  /** Lets deletions become certain and reads again. */
  async settle(ms = 600): Promise<void> {
    await this.source.rescan();
    this.clock.skip(ms);
    await this.source.rescan();
  }

  state(name: string): string {
    const desired = this.source.desired(name);
    if (desired.state !== 'present') return desired.state;
    if (desired.heldBecause !== undefined) return `present, held: ${desired.heldBecause.reason}`;
    return desired.problems.length > 0 ? 'present, with problems' : 'present';
  }

  problems(): readonly string[] {
    return this.source.status().problems.map(problem => {
      const file = problem.file.replace(`${this.directory}/`, '');
      return `${file}:${problem.line}:${problem.column}: ${problem.field}: ${problem.message}`;
    });
  }
}

export interface StartOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly onHost?: readonly string[];
  readonly hasDirectory?: boolean;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}
