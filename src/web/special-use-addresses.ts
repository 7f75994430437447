/** Addresses that are not the public internet: IANA's special-purpose registries (RFC 6890), multicast, unassigned IPv6. */
import { BlockList, isIP } from 'node:net';

const IPV4_SPECIAL_USE = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, cloud metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
];

/** Within 2000::/3; everything outside it (loopback, mapped, NAT64, local, multicast, 5f00::/16 …) is special anyway. */
const IPV6_SPECIAL_USE = [
  '2001::/23', // protocol assignments, Teredo, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which embeds any IPv4 address
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
];

const specialUse = addressSet([...IPV4_SPECIAL_USE, ...IPV6_SPECIAL_USE]);
const globalUnicastIPv6 = addressSet(['2000::/3']);
const loopback = addressSet(['127.0.0.0/8', '::1']);

/**
 * Whether an address is anything but an ordinary host of the public internet (RFC 6890). What is no address, or has a
 * zone, is special.
 *
 * @param address as a resolver gives it, IPv6 without brackets
 */
export function isSpecialUse(address: string): boolean {
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0) return true;
  if (family === 6 && !globalUnicastIPv6(address)) return true;
  return specialUse(address);
}

/** Whether an address is this machine. */
export function isLoopback(address: string): boolean {
  return loopback(address);
}

/**
 * @param networks IP addresses and CIDR networks
 * @returns whether an address is in one of them; an IPv4-mapped IPv6 address counts as the IPv4 address
 * @throws RangeError for a network that is none
 */
export function addressSet(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', prefix] = network.split('/');
    const family = isIP(base);
    if (family === 0) throw new RangeError(`${network} is not an IP address or network`);
    const type = family === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(base, type);
    else list.addSubnet(base, Number(prefix), type);
  }
  return (address) => {
    const family = address.includes('%') ? 0 : isIP(address);
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}
