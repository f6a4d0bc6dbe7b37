import type { LinkFacts, SandboxFacts } from '../planning/observed.ts';
import { GUEST_LINK } from '../planning/sandbox.ts';
import { type IpRoute, ipShow, type ShownLink } from './ip.ts';

/** What `ip` shows of a link, as the planner knows links. */
export function linkFacts({ link, routes }: ShownLink, areSettingsRight: boolean): LinkFacts {
  return {
    name: link.name,
    alias: link.alias,
    isUp: link.isUp,
    addresses: link.addresses
      .filter(({ scope }) => scope !== 'link')
      .map(({ address, prefix }) => `${address}/${prefix}`),
    routes: routes.map(routeText),
    areSettingsRight,
  };
}

/** The end in a container's namespace; null: there is none. A guest can put more on it than anybody reads. */
export async function guestLinkFacts(name: string): Promise<SandboxFacts['guestLink']> {
  try {
    const shown = await ipShow(name, GUEST_LINK);
    return shown === null ? null : linkFacts(shown, true);
  } catch {
    return 'unreadable';
  }
}

export function hasAlias(link: SandboxFacts['guestLink'], alias: string): boolean {
  return link !== null && link !== 'unreadable' && link.alias === alias;
}

function routeText({ destination, gateway }: IpRoute): string {
  return gateway === null ? destination : `${destination} via ${gateway}`;
}
