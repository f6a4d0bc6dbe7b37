/** IFNAMSIZ - 1; Linux, include/uapi/linux/if.h. */
const MAX_LENGTH = 15;

/** Why a text cannot name a network interface of the host that a guest gets, or null. */
export function objectionToInterface(name: string): string | null {
  const shown = JSON.stringify(name);
  if (name.includes(':'))
    return `must be the name of one interface of the host: ${shown} (it keeps its own name in the guest)`;
  if (name.length > MAX_LENGTH || !/^[A-Za-z0-9_.][-A-Za-z0-9_.+]*$/.test(name) || /^\.\.?$/.test(name))
    return `not the name of a network interface: ${shown}`;
  if (name === 'lo') return 'lo is the loopback of every network and cannot be given away';
  return null;
}
