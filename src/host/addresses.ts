import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Made when they are needed: a list of subnets costs as much as a request. */
const loopback = lazily((list) => {
  list.addSubnet('127.0.0.0', 8);
  list.addAddress('::1', 'ipv6');
});

/** Link-local networks and the addresses at which clouds hand out credentials. */
const refused = lazily((list) => {
  list.addSubnet('169.254.0.0', 16);
  list.addSubnet('0.0.0.0', 8);
  list.addAddress('100.100.100.200');
  list.addAddress('192.0.0.192');
  list.addAddress('168.63.129.16');
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addAddress('fd00:ec2::254', 'ipv6');
  list.addAddress('::', 'ipv6');
});

function lazily(fill: (list: BlockList) => void): () => BlockList {
  let list: BlockList | undefined;
  return () => {
    if (!list) {
      list = new BlockList();
      fill(list);
    }
    return list;
  };
}

/** The addresses that every look-up of `localhost` gives, which need no list. */
function isPlainLoopback(address: string): boolean {
  return address === '127.0.0.1' || address === '::1';
}

function isLoopback(address: string): boolean {
  return isPlainLoopback(address) || isIn(loopback, address);
}

function isRefused(address: string): boolean {
  return !isPlainLoopback(address) && isIn(refused, address);
}

/** What names do not look like: to ask of one whether it is an address costs as much as a request, the first time. */
const LIKE_ADDRESS = /:|^[0-9.]+$/;

function isIn(list: () => BlockList, address: string): boolean {
  const family = LIKE_ADDRESS.test(address) ? isIP(address) : 0;
  return family !== 0 && list().check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** A host's name or address without brackets and final dot, in lower case. */
function plainName(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

/** True for this machine's own names and addresses: `localhost`, `*.localhost`, 127.0.0.0/8, ::1. */
export function isLoopbackHost(hostname: string): boolean {
  const name = plainName(hostname);
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name);
}

/** True for a link-local or metadata address, or a name that is only used for one. */
export function isRefusedHost(hostname: string): boolean {
  const name = plainName(hostname);
  return name === 'metadata.google.internal' || isRefused(name);
}

/** A URL for messages and records: no user, password, query or fragment. */
export function withoutCredentials(url: string | URL): string {
  const parsed = new URL(url);
  parsed.username = parsed.password = parsed.search = parsed.hash = '';
  return parsed.href;
}

/**
 * A look-up of names that checks addresses when connecting, so that a name cannot change between check and use (spec
 * bundle, threat 10).
 * @param hostname whose address may not be this machine's unless `loopbackAllowed`; a proxy's, say, may
 * @param refusal the error for an address that is never asked
 */
export function checkedLookup(
  hostname: string,
  loopbackAllowed: boolean,
  refusal: (why: string) => Error,
): LookupFunction {
  return (name, options, answer) => {
    resolveName(name, { ...options, all: true }, (error, addresses) => {
      if (error) return answer(error, []);
      const bad = addresses.find(
        ({ address }) => isRefused(address) || (name === hostname && isLoopback(address) && !loopbackAllowed),
      );
      if (bad) return answer(refusal(`its name leads to ${bad.address}, which is refused`), []);
      if (options.all) return answer(null, addresses);
      answer(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}
