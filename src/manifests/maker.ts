import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../api/manifest.ts';
import type { ManifestContent } from '../api/manifest-content.ts';
import { isName } from '../api/name.ts';
import type {
  Creation,
  Draft,
  JudgedDocument,
  ManifestChange,
  Removal,
  RemovalOptions,
  Writing,
} from '../controller/ports.ts';
import { messageOf } from '../errors.ts';
import type { Desired } from '../planning/desired.ts';
import { allocatePair } from './address-range.ts';
import type { Contender, World } from './contender.ts';
import { contentIn } from './content-in.ts';
import type { ParsedDocument } from './document.ts';
import { editedText, manifestText } from './manifest-text.ts';
import { replaceText, writeNew } from './new-file.ts';
import { isOwnFile, objectionToChange, ownFile, removeOwn } from './own-files.ts';
import { parseText } from './parse.ts';
import { isInside, objectionToRoot } from './root-rules.ts';
import { safeText } from './safe-text.ts';
import { isTakenIn, seenContent } from './seen-content.ts';
import { walkPath } from './walk.ts';

/** What the maker needs of the source it is a part of. */
export interface MakerHost {
  readonly directory: string;
  readonly addressRange: string;
  rescan(): Promise<unknown>;
  desired(name: string): Desired;
  /** Why nothing can be written now; empty while all is well. */
  fault(): string;
  contenders(): readonly Contender[];
  isNameTaken(name: string): boolean;
  world(): World;
  judge(file: string, text: string): readonly JudgedDocument[];
  /** Puts on disk that a deletion was decided by a person, so that no guard holds it. */
  recordDeletion(name: string): Promise<void>;
}

type Failure = Exclude<Creation, { readonly is: 'created' }>;

interface Replacement {
  readonly text: string;
  readonly before: ManifestContent;
  readonly after: ManifestContent;
  readonly isDryRun: boolean;
}

/**
 * Makes, changes and removes manifests on behalf of people and their programs. One at a time: what the one takes, the
 * next one sees. Nothing that the source's own reading has not accepted stays.
 */
export class Maker {
  readonly #host: MakerHost;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: MakerHost) {
    this.#host = host;
  }

  /** `inUse`: addresses and networks of the host's own links and routes. */
  create(draft: Draft, inUse: readonly string[]): Promise<Creation> {
    return this.#inTurn(() => this.#create(draft, inUse));
  }

  /** Makes or changes a manifest; see `ManifestPort.writeManifest`. */
  write(name: string, change: ManifestChange, isDryRun: boolean): Promise<Writing> {
    return this.#inTurn(() => this.#write(name, change, isDryRun));
  }

  remove(name: string, options: RemovalOptions): Promise<Removal> {
    return this.#inTurn(() => this.#remove(name, options));
  }

  /** Why a directory must not be deleted as a root, `except` for this container; null: nobody needs it. */
  async rootObjection(path: string, except: string): Promise<string | null> {
    await this.#host.rescan();
    const { realPath, rest } = await walkPath(path);
    const real = rest.length === 0 ? realPath : path;
    const { reservedDirectories, realRoot } = this.#host.world();
    for (const asked of new Set([path, real])) {
      const byHost = objectionToRoot(asked, reservedDirectories);
      if (byHost !== null) return byHost;
    }
    for (const { name, documents, accepted } of this.#host.contenders()) {
      if (name === except) continue;
      for (const manifest of [...documents, accepted].map(version => version?.manifest ?? null)) {
        if (manifest === null) continue;
        const used = realRoot(manifest.spec.root);
        if (used === real || isInside(used, real) || isInside(real, used))
          return `${used} is the root of "${name}" (${safeText(manifest.place.file)}:${manifest.place.line})`;
      }
    }
    return null;
  }

  async #create(draft: Draft, inUse: readonly string[]): Promise<Creation> {
    const host = this.#host;
    await host.rescan();
    const fault = host.fault();
    if (fault !== '') return { is: 'refused', message: `no manifest can be written: ${fault}` };
    const name = draft.ensureUniqueName ? this.#freeName(draft.name) : draft.name;
    if (name === null) return { is: 'taken', message: `no name ${draft.name}-N is free` };
    if (host.isNameTaken(name)) return { is: 'taken', message: this.#whoHas(name) };
    const spec = draft.allocateAddresses ? this.#withAddresses(draft.spec, inUse) : draft.spec;
    if (typeof spec === 'string') return { is: 'refused', message: spec };

    const content = { labels: draft.labels, annotations: draft.annotations, spec };
    const failure = await this.#writeNew(name, content, draft.isDryRun);
    if (failure !== null) return failure;
    return { is: 'created', name, file: ownFile(host.directory, name), content };
  }

  /** Null: it is there, and in force. */
  async #writeNew(name: string, content: ManifestContent, isDryRun: boolean): Promise<Failure | null> {
    const host = this.#host;
    const file = ownFile(host.directory, name);
    const text = manifestText(name, content);
    const problems = host.judge(file, text).flatMap(document => document.problems);
    if (problems.length > 0) return { is: 'invalid', problems };
    if (isDryRun) return null;
    try {
      if (!(await writeNew(file, text))) return { is: 'taken', message: `${file} exists already` };
    } catch (error) {
      return { is: 'refused', message: `cannot write ${file}: ${messageOf(error)}` };
    }
    await host.rescan();
    if (this.#isInForce(name, file, content)) return null;
    // Whoever reads it does not want it: a full disk for what is remembered, a file by hand in the same moment.
    const because = whyNot(host.desired(name));
    await removeOwn(file);
    await host.rescan();
    return { is: 'refused', message: `${file} was not accepted: ${because}` };
  }

  async #write(name: string, change: ManifestChange, isDryRun: boolean): Promise<Writing> {
    const host = this.#host;
    await host.rescan();
    const fault = host.fault();
    if (fault !== '') return { is: 'refused', message: `no manifest can be written: ${fault}` };
    if (!host.isNameTaken(name)) {
      const content = change(null);
      if ('is' in content) return { is: 'objected', objection: content };
      const failure = await this.#writeNew(name, content, isDryRun);
      return failure ?? { is: 'written', file: ownFile(host.directory, name), content, isNew: true };
    }
    const document = this.#onlyDocument(name);
    if (typeof document === 'string') return { is: 'refused', message: document };
    const { file } = document;
    const objection = await objectionToChange(file);
    if (objection !== null) return { is: 'refused', message: safeText(objection) };
    const text = await readFile(file, 'utf8');
    const before = contentIn(name, text);
    if (before === null)
      return {
        is: 'refused',
        message: `${safeText(file)} cannot be read as one manifest, that of ${name}; mend it by hand`,
      };
    const after = change(seenContent(before, host.desired(name)));
    if ('is' in after) return { is: 'objected', objection: after };
    const written: Writing = { is: 'written', file, content: after, isNew: false };
    if (isDeepStrictEqual(before, after)) return written;
    return (await this.#replace(name, file, { text, before, after, isDryRun })) ?? written;
  }

  async #replace(
    name: string,
    file: string,
    { text, before, after, isDryRun }: Replacement,
  ): Promise<Failure | null> {
    const host = this.#host;
    const shown = safeText(file);
    let edited: string;
    try {
      edited = editedText(file, text, before, after);
    } catch (error) {
      return { is: 'refused', message: `${shown} cannot be changed, edit it by hand: ${messageOf(error)}` };
    }
    const problems = host.judge(file, edited).flatMap(document => document.problems);
    if (problems.length > 0) return { is: 'invalid', problems };
    if (!isDeepStrictEqual(contentIn(name, edited), after))
      return { is: 'refused', message: `${shown} cannot be changed so, edit it by hand` };
    if (isDryRun) return null;
    try {
      if (!(await replaceText(file, text, edited)))
        return { is: 'refused', message: `${shown} was just changed by somebody else; try again` };
    } catch (error) {
      return { is: 'refused', message: `cannot write ${shown}: ${messageOf(error)}` };
    }
    await host.rescan();
    if (this.#isInForce(name, file, after)) return null;
    const because = whyNot(host.desired(name));
    await replaceText(file, edited, text);
    await host.rescan();
    return { is: 'refused', message: `the changed ${shown} was not accepted: ${because}` };
  }

  #isInForce(name: string, file: string, { spec }: ManifestContent): boolean {
    return isTakenIn(spec, file, this.#host.desired(name));
  }

  /** The one document that declares a name in a file of its own, or why there is none that could be changed. */
  #onlyDocument(name: string): ParsedDocument | string {
    const [document, other] = this.#host.contenders().find(known => known.name === name)?.documents ?? [];
    if (document === undefined)
      return `the manifest of ${name} is gone already; see: nspawnctl describe ${name}`;
    const file = safeText(document.file);
    if (other !== undefined)
      return `${name} is declared in ${file} and in ${safeText(other.file)}; delete one of them`;
    return document;
  }

  async #remove(name: string, { isDryRun, isOwnOnly }: RemovalOptions): Promise<Removal> {
    const host = this.#host;
    await host.rescan();
    const contender = host.contenders().find(known => known.name === name);
    if (contender === undefined) return { is: 'unknown' };
    const { accepted } = contender;
    // Going already, by an earlier request: whoever asks again may go on with the root.
    if (
      contender.documents.length === 0 &&
      accepted?.removedAt != null &&
      (!isOwnOnly || isOwnFile(host.directory, accepted.file ?? ''))
    )
      return { is: 'removed', file: accepted.file ?? '', root: accepted.manifest?.spec.root ?? null };
    const document = this.#onlyDocument(name);
    if (typeof document === 'string') return { is: 'refused', message: document };
    const file = safeText(document.file);
    if (isOwnOnly && !isOwnFile(host.directory, document.file))
      return {
        is: 'refused',
        message: `${name} was not made by nspawnctl create: delete ${file} yourself, and the container goes; its root stays`,
      };
    const text = await readFile(document.file, 'utf8').catch(() => '');
    const [only, ...more] = parseText({ file: document.file, text });
    if (only?.name !== name)
      return { is: 'refused', message: `${file} was just changed by somebody else; try again` };
    if (more.length > 0)
      return { is: 'refused', message: `${file} declares more than ${name}; take its document out by hand` };
    const objection = await objectionToChange(document.file);
    if (objection !== null) return { is: 'refused', message: safeText(objection) };
    const root = (document.manifest ?? accepted?.manifest)?.spec.root ?? null;
    if (!isDryRun) {
      try {
        await removeOwn(document.file);
      } catch (error) {
        return { is: 'refused', message: `cannot remove ${file}: ${messageOf(error)}` };
      }
      await host.recordDeletion(name);
      await host.rescan();
    }
    return { is: 'removed', file, root };
  }

  #freeName(base: string): string | null {
    for (let number = 0; number < MAX_NAMES; number++) {
      const name = `${base}-${number}`;
      if (!isName(name)) return null;
      if (!this.#host.isNameTaken(name)) return name;
    }
    return null;
  }

  #whoHas(name: string): string {
    const document = this.#host.contenders().find(known => known.name === name)?.documents[0];
    return document === undefined
      ? `${name} exists, or is still being removed; see: nspawnctl describe ${name}`
      : `${name} exists already: ${safeText(document.file)}:${document.line}`;
  }

  /** The spec with a free pair, or why there is none. */
  #withAddresses(spec: JsonObject, inUse: readonly string[]): JsonObject | string {
    const { addressRange } = this.#host;
    const pair = allocatePair(addressRange, [...inUse, ...this.#addressesOfManifests()]);
    if (pair === null)
      return `no address of ${addressRange} is free, or the host routes it elsewhere; give --local-address and --host-address, or start nspawnd with another --address-range`;
    return { ...spec, privateNetwork: true, ...pair };
  }

  /** Of every version of every manifest, in force or not, and also of those that are not valid. */
  #addressesOfManifests(): readonly string[] {
    return this.#host.contenders().flatMap(({ documents, accepted }) => [
      ...documents.flatMap(document => document.addresses),
      ...[...documents, accepted].flatMap(version => {
        const spec = version?.manifest?.spec;
        return [spec?.hostAddress, spec?.localAddress].filter(address => address !== undefined);
      }),
    ]);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

const MAX_NAMES = 10_000;

function whyNot(desired: Desired): string {
  if (desired.state === 'absent') return 'it was not found again';
  const [problem] = desired.problems;
  if (problem !== undefined) return problem.message;
  return desired.state === 'unknown' ? desired.reason : 'another manifest has its name';
}
