import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { isName } from '../api/name.ts';
import type { SwitchRecord, UpdateRequest } from '../planning/nix-facts.ts';
import {
  type EndedRecord,
  type History,
  NO_HISTORY,
  type Request,
  type Suspension,
  UNRECORDED,
} from '../planning/observed.ts';
import { exists, listDirectory, putFile, readFileIfExists, removeFile } from './files.ts';
import type { ProbeRecord } from './probes/prober.ts';

/**
 * What must survive nspawnd but not a boot (one thing does survive it: a suspension), one small file per container and kind below the runtime directory: how the
 * last run ended (written by the unit itself), a verb that waits to be fulfilled, what restarts have cost, and the
 * status' memory. A file that cannot be understood counts as not there; a record of an end as one that nobody knows more of.
 */
export class Records {
  readonly #directory: string;
  readonly #stateDirectory: string;

  constructor(runtimeDirectory: string, stateDirectory: string) {
    this.#directory = runtimeDirectory;
    this.#stateDirectory = stateDirectory;
  }

  endedDirectory(): string {
    return `${this.#directory}/ended`;
  }

  async ended(name: string): Promise<Omit<EndedRecord, 'lastLines'> | null> {
    const path = this.#path('ended', name);
    const text = await readFileIfExists(path);
    if (text === null) return null;
    const fields = Object.fromEntries(text.split('\n').map(line => splitOnce(line, '=')));
    const parsed = endedSchema.safeParse(fields);
    const at = (await stat(path).catch(() => null))?.mtimeMs ?? 0;
    if (!parsed.success) return unrecorded(at);
    const { invocation, spec, requested, result, code, status } = parsed.data;
    return {
      invocationId: invocation,
      specHash: spec,
      isRequested: requested === 'yes',
      result,
      exitCode: code,
      exitStatus: status,
      at,
    };
  }

  /** The record of a stop of something that was down already. */
  async putStopped(name: string, specHash: string): Promise<void> {
    const text = `invocation=stopped-${Date.now()}\nspec=${specHash}\nrequested=yes\nresult=success\ncode=\nstatus=\n`;
    await this.#write('ended', name, text);
  }

  async removeEnded(name: string): Promise<void> {
    await removeFile(this.#path('ended', name));
  }

  request(name: string): Promise<Request | null> {
    return this.#readJson('requests', name, requestSchema);
  }

  async putRequest(name: string, request: Request): Promise<void> {
    await this.#write('requests', name, JSON.stringify(request));
  }

  async removeRequest(name: string): Promise<void> {
    await removeFile(this.#path('requests', name));
  }

  async history(name: string): Promise<History> {
    return (await this.#readJson('history', name, historySchema)) ?? NO_HISTORY;
  }

  async putHistory(name: string, history: History): Promise<void> {
    await this.#write('history', name, JSON.stringify(history));
  }

  suspension(name: string): Promise<Suspension | null> {
    return this.#readJson('suspended', name, suspensionSchema);
  }

  async putSuspension(name: string, suspension: Suspension | null): Promise<void> {
    if (suspension === null) await removeFile(this.#path('suspended', name));
    else await this.#write('suspended', name, JSON.stringify(suspension));
  }

  lastSwitch(name: string): Promise<SwitchRecord | null> {
    return this.#readJson('switched', name, switchSchema);
  }

  async putSwitch(name: string, record: SwitchRecord): Promise<void> {
    await this.#write('switched', name, JSON.stringify(record));
  }

  async removeSwitch(name: string): Promise<void> {
    await removeFile(this.#path('switched', name));
  }

  probed(name: string): Promise<ProbeRecord | null> {
    return this.#readJson('probed', name, probedSchema);
  }

  async putProbed(name: string, record: ProbeRecord): Promise<void> {
    await this.#write('probed', name, JSON.stringify(record));
  }

  update(name: string): Promise<UpdateRequest | null> {
    return this.#readJson('updates', name, updateSchema);
  }

  async putUpdate(name: string, update: UpdateRequest): Promise<void> {
    await this.#write('updates', name, JSON.stringify(update));
  }

  async memory(name: string): Promise<string | null> {
    return readFileIfExists(this.#path('memory', name));
  }

  /** Also of a history in which nothing stands, and of a switch that came to its end when its container was gone. */
  async hasMemory(name: string): Promise<boolean> {
    const kinds = ['history', ...KINDS_OF_WORDS, ...KINDS_OF_SWITCHES] as const;
    const found = await Promise.all(kinds.map(kind => exists(this.#path(kind, name))));
    return found.includes(true);
  }

  async putMemory(name: string, memory: string): Promise<void> {
    await this.#write('memory', name, memory);
  }

  async forget(name: string): Promise<void> {
    await Promise.all(KINDS.map(kind => removeFile(this.#path(kind, name))));
  }

  /** Names of containers that have left anything here. What people were told, also of a refused manifest, proves none. */
  names(): Promise<readonly string[]> {
    return this.#namesIn(KINDS_OF_CONTAINERS);
  }

  /** Names of which people were told something. */
  async remembered(): Promise<readonly string[]> {
    return (await this.#namesIn(KINDS_OF_WORDS)).filter(isName);
  }

  async #namesIn(kinds: readonly Kind[]): Promise<readonly string[]> {
    const lists = await Promise.all(kinds.map(kind => listDirectory(`${this.#directory}/${kind}`)));
    return [...new Set(lists.flat())].filter(name => !name.includes('.'));
  }

  async #write(kind: Kind, name: string, text: string): Promise<void> {
    await putFile(this.#path(kind, name), text, 0o600);
  }

  async #readJson<T>(kind: Kind, name: string, schema: z.ZodType<T>): Promise<T | null> {
    const text = await readFileIfExists(this.#path(kind, name));
    if (text === null) return null;
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      return null;
    }
  }

  #path(kind: Kind, name: string): string {
    return `${kind === 'suspended' ? this.#stateDirectory : this.#directory}/${kind}/${name}`;
  }
}

/** With no space left, the unit can make the file of its record and not write it. That it has ended is known all the same. */
function unrecorded(at: number): Omit<EndedRecord, 'lastLines'> {
  const invocationId = `unrecorded-${at}`;
  return {
    ...{ invocationId, specHash: '', isRequested: false, at },
    ...{ result: UNRECORDED, exitCode: '', exitStatus: '' },
  };
}

const KINDS_OF_SWITCHES = ['switched', 'updates'] as const;
const KINDS_OF_CONTAINERS = ['ended', 'requests', 'history', ...KINDS_OF_SWITCHES] as const;
/** What people were told, and what was asked of a guest. */
const KINDS_OF_WORDS = ['memory', 'probed'] as const;
const KINDS = [...KINDS_OF_CONTAINERS, ...KINDS_OF_WORDS, 'suspended'] as const;
type Kind = (typeof KINDS)[number];

const word = z.string().max(256);
const endedSchema = z.object({
  invocation: word,
  spec: word,
  requested: word,
  result: word,
  code: word,
  status: word,
});
const requestSchema = z.object({
  verb: z.enum(['start', 'stop', 'restart']),
  isForced: z.boolean().optional(),
  invocationId: word,
  reason: z.string(),
  at: z.number(),
});
const suspensionSchema = z.object({ since: z.number(), until: z.number().nullable() });
const switchSchema = z.object({
  invocationId: word,
  closure: z.string(),
  isGood: z.boolean(),
  how: z.string(),
  output: z.string(),
  at: z.number(),
  isReported: z.boolean(),
});
const updateSchema = z.object({
  mode: z.enum(['build', 'switch', 'rollback']),
  generation: z.number().nullable(),
  at: z.number(),
  isTaken: z.boolean(),
});
const probeResultSchema = z.object({
  state: z.enum(['unknown', 'success', 'failure']),
  detail: z.string(),
  since: z.number().nullable(),
  // What an earlier nspawnd has found is asked once more.
  question: word.default(''),
});
const probedSchema = z.object({
  invocationId: word,
  startup: probeResultSchema,
  readiness: probeResultSchema,
  liveness: probeResultSchema,
});
const historySchema = z.object({
  failures: z.number(),
  nextRetryAt: z.number().nullable(),
  countedInvocationId: word,
  launch: z.object({ at: z.number(), isCounted: z.boolean() }).nullable(),
  seenSpecHash: word,
  trial: z
    .object({ generation: z.number(), since: z.number(), failures: z.number() })
    .nullable()
    .default(null),
  recentRestarts: z.array(z.number()),
  recentReboots: z.array(z.number()),
  restarts: z.number(),
  lastFailure: z.string(),
});

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}
