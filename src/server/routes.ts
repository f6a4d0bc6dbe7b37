import { containerRoutes } from './container-routes.ts';
import { discoveryRoutes } from './discovery-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { healthRoutes } from './health-routes.ts';
import type { Limits } from './limits.ts';
import { manifestRoutes } from './manifest-routes.ts';
import { nixRoutes } from './nix-routes.ts';
import { openApiRoutes } from './openapi-routes.ts';
import { rolloutRoutes } from './rollout-routes.ts';
import type { Route } from './route.ts';
import { sourceRoutes } from './source-routes.ts';

/** Everything the sockets can be asked; the reading socket has the GETs of it that are not root's only. */
export function allRoutes(limits: Limits): readonly Route[] {
  return [
    ...containerRoutes,
    ...nixRoutes,
    ...rolloutRoutes,
    ...manifestRoutes,
    ...eventRoutes,
    ...sourceRoutes(limits),
    ...discoveryRoutes,
    ...openApiRoutes,
    ...healthRoutes,
  ];
}
