import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';

const url = 'http://webserver.containers/';

/** What the page of the web server says, as text. Throws when it does not show what only the database knows. */
export async function readPage(host: Host): Promise<string> {
  // Ready means that the guests have booted; their services may take a moment more.
  const page = await eventually(
    async () => {
      const { stdout } = await host.exec([
        'curl',
        '--silent',
        '--show-error',
        '--fail-with-body',
        '--max-time',
        '5',
        url,
      ]);
      return stdout;
    },
    { timeoutMs: 30_000, everyMs: 200, describe: `an answer of ${url}` },
  );
  if (!page.includes('Donald Knuth') || !page.includes('PostgreSQL')) {
    throw new Error(`${url} does not show the rows of database.containers:\n${page}`);
  }
  return `curl ${url}\n${toText(page)}`;
}

/** The rows of its tables, a line each. */
function toText(page: string): string {
  return page
    .replaceAll(/<\/(td|th)>\s*/g, ' | ')
    .replaceAll(/<\/(title|h1)>/g, '\n')
    .replaceAll(/<\/?[a-z!][^>]*>/gi, '')
    .replaceAll('&nbsp;', ' ')
    .split('\n')
    .map(line => line.trim().replace(/ \|$/, ''))
    .filter(line => line !== '')
    .map(line => `  ${line}`)
    .join('\n');
}
