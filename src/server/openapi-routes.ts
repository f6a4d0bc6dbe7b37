import { createHash } from 'node:crypto';
import { ok } from './answer.ts';
import { openApiDocument, openApiIndex } from './openapi.ts';
import { API_PATH } from './protocol.ts';
import { type Face, get, type Route } from './route.ts';

/** The API's description of itself. */
export const openApiRoutes: readonly Route[] = [
  get('/openapi/v3', (_ask, face) => ok(openApiIndex(made(face).hash))),
  get(`/openapi/v3${API_PATH}`, (_ask, face) => ok(made(face).document)),
];

/** Made when it is first asked for: most daemons are never asked. */
let known: { readonly document: object; readonly hash: string } | null = null;

function made({ version }: Face): { readonly document: object; readonly hash: string } {
  if (known !== null) return known;
  const document = openApiDocument(version);
  const hash = createHash('sha256').update(JSON.stringify(document)).digest('hex').slice(0, 32);
  known = { document, hash };
  return known;
}
