import type { Route } from './route.ts';

/**
 * The methods that the path of a URL has, for a request with another one; none: there is no such path. For each path a
 * route of its own that refuses the other methods would be most of what the server's start takes.
 */
export function methodsOf(url: string, routes: readonly Route[]): readonly string[] {
  const asked = segmentsOf(url.replace(/[?#].*$/s, ''));
  if (asked === null) return [];
  const isAsked = ({ path }: Route) => {
    const segments = path.split('/');
    return (
      segments.length === asked.length &&
      segments.every((segment, index) =>
        segment.startsWith(':') ? asked[index] !== '' : segment === asked[index],
      )
    );
  };
  return routes.filter(isAsked).map(({ method }) => method);
}

/** Null: it cannot be decoded. */
function segmentsOf(path: string): readonly string[] | null {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}
