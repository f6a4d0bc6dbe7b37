import { isMapping } from '../api/is-mapping.ts';
import type { ControlPort, FileText, Preview, SourceStatus } from '../controller/ports.ts';
import { SharedWork } from '../shared-work.ts';
import { type Answer, ok, refuse } from './answer.ts';
import type { Limits } from './limits.ts';
import {
  GROUP_VERSION,
  PREVIEW_PATH,
  PRUNE_PATH,
  type PreviewList,
  SOURCE_PATH,
  type Source,
} from './protocol.ts';
import type { Route } from './route.ts';
import { onceStarted } from './starting.ts';

const MAX_HASH_LENGTH = 128;
const MAX_PATH_LENGTH = 4096;

/** The manifests directory as a whole: how it is, what would happen, and the consent to held deletions. */
export function sourceRoutes(limits: Limits): readonly Route[] {
  // Each looks at every container of the host, and any reader may ask for it.
  const inForce = new SharedWork<readonly Preview[]>();
  return [
    { method: 'GET', path: SOURCE_PATH, bodyBytes: null, answer: (_ask, { control }) => getSource(control) },
    {
      method: 'GET',
      path: PREVIEW_PATH,
      bodyBytes: null,
      answer: onceStarted(async (_ask, { control }) =>
        previewList(await inForce.run(() => control.preview([]))),
      ),
    },
    {
      method: 'POST',
      path: PREVIEW_PATH,
      bodyBytes: limits.previewBytes,
      answer: onceStarted(async ({ body }, { control }) => {
        const files = parseFiles(body, limits.previewFiles);
        if (typeof files === 'string') return refuse('BadRequest', files);
        return previewList(await control.preview(files));
      }),
    },
    {
      method: 'POST',
      path: PRUNE_PATH,
      bodyBytes: null,
      answer: async ({ body }, { control }) => {
        const hash = isMapping(body) ? body.confirm : undefined;
        if (typeof hash !== 'string' || hash === '' || hash.length > MAX_HASH_LENGTH)
          return refuse('BadRequest', 'confirm: expected the hash of the held deletions');
        return (await control.confirmPrune(hash)) ? getSource(control) : refusePrune(hash, control.source());
      },
    },
  ];
}

function getSource(control: ControlPort): Answer {
  const source: Source = { kind: 'Source', apiVersion: GROUP_VERSION, status: control.source() };
  return ok(source);
}

function refusePrune(hash: string, { held }: SourceStatus): Answer {
  const instead = held === null ? 'no deletions are held' : `the held list is now ${held.hash}`;
  return refuse('Conflict', `${JSON.stringify(hash)} names no held deletions; ${instead}`);
}

function previewList(items: readonly Preview[]): Answer {
  const list: PreviewList = { kind: 'PreviewList', apiVersion: GROUP_VERSION, items };
  return ok(list);
}

/** The files of a body; a string says what is wrong with it. */
function parseFiles(body: unknown, maxFiles: number): readonly FileText[] | string {
  const files = isMapping(body) ? body.files : undefined;
  if (!Array.isArray(files)) return 'files: expected a list of {file, text}';
  if (files.length > maxFiles) return `files: more than ${maxFiles}`;
  const parsed: FileText[] = [];
  for (const [index, item] of files.entries()) {
    const { file, text } = isMapping(item) ? item : {};
    if (typeof file !== 'string' || file === '' || file.length > MAX_PATH_LENGTH)
      return `files[${index}].file: expected a path`;
    if (typeof text !== 'string') return `files[${index}].text: expected a string`;
    parsed.push({ file, text });
  }
  return parsed;
}
