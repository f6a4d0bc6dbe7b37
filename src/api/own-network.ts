/** Whether a guest has a network namespace of its own: a link, a macvlan or an interface needs one to be in. */
export function hasOwnNetwork(spec: {
  readonly privateNetwork: boolean;
  readonly macvlans: readonly string[];
  readonly interfaces: readonly string[];
}): boolean {
  return spec.privateNetwork || spec.macvlans.length > 0 || spec.interfaces.length > 0;
}
