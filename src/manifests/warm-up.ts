import { validateFiles } from './validate.ts';

let isWarm = false;

/** The first manifest that comes finds its code compiled: worth 15 ms to it. */
export function warmUp(hostLinkName: (name: string) => string): void {
  if (isWarm) return;
  isWarm = true;
  validateFiles([{ file: '', text: WARM_UP }], hostLinkName);
}

const WARM_UP = `
apiVersion: nspawnd.io/v1alpha1
kind: Container
metadata: { name: warm-up }
spec: { root: /var/lib/machines/warm-up, privateNetwork: true, localAddress: 192.0.2.1 }
`;
