import { BlockList, isIP } from 'node:net';
import { parseNetwork } from '../../domain/network.ts';

/** Whether pictures may be fetched from this IP address, in any of its spellings. */
export type AddressPolicy = (address: string) => boolean;

/** Not addresses of the public internet, by the registries of special purpose addresses (RFC 6890 and later). */
const FORBIDDEN_V4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, where clouds answer with credentials
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
] as const;

/** Of IPv6 only what is handed out is public: loopback, local, multicast, mapped and NAT64 lie elsewhere. */
const PUBLIC_V6 = '2000::/3';
const FORBIDDEN_V6 = [
  '2001::/23', // protocol assignments, Teredo
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: an IPv4 address in disguise
  '3fff::/20', // documentation
] as const;

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const network = parseNetwork(text);
    if (network) list.addSubnet(network.address, network.prefix, network.family);
  }
  return list;
}

/** Public addresses and those of the networks that the operator allows; what is no address is not allowed. */
export function createAddressPolicy(allowedNetworks: readonly string[]): AddressPolicy {
  const allowed = listOf(allowedNetworks);
  const forbiddenV4 = listOf(FORBIDDEN_V4);
  const publicV6 = listOf([PUBLIC_V6]);
  const forbiddenV6 = listOf(FORBIDDEN_V6);
  return (address) => {
    const version = isIP(address);
    if (version === 0 || address.includes('%')) return false;
    if (version === 4) return allowed.check(address, 'ipv4') || !forbiddenV4.check(address, 'ipv4');
    if (allowed.check(address, 'ipv6')) return true;
    return publicV6.check(address, 'ipv6') && !forbiddenV6.check(address, 'ipv6');
  };
}
