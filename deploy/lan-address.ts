// Which of a machine's addresses others in the room reach it by.
import type { NetworkInterfaceInfo } from 'node:os';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Networks of containers, virtual machines and tunnels: nobody else is in them. */
const virtual =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|vEthernet|VirtualBox|VMware|podman|lxc|lxd|cni|flannel|cali|tun|tap|utun|wg|zt|tailscale|bridge|awdl|llw)/i;

/** Likeliest first; networks of homes and schools before others. */
const ranges = [/^192\.168\./, /^10\./, /^172\.(1[6-9]|2\d|3[01])\./];
const linkLocal = /^169\.254\./;

/** The IPv4 address to tell others; undefined for a machine without a network. */
export function lanAddress(interfaces: Interfaces): string | undefined {
  const found = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => ({ address, rank: rankOf(name, address) })),
  );
  return found.toSorted((one, other) => one.rank - other.rank)[0]?.address;
}

function rankOf(name: string, address: string): number {
  const range = ranges.findIndex((one) => one.test(address));
  const kind = range < 0 ? ranges.length : range;
  return kind + (virtual.test(name) ? 10 : 0) + (linkLocal.test(address) ? 20 : 0);
}
