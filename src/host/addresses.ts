import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Link-local networks and the addresses at which clouds hand out credentials. */
const refused = new BlockList();
refused.addSubnet('169.254.0.0', 16);
refused.addSubnet('0.0.0.0', 8);
refused.addAddress('100.100.100.200');
refused.addAddress('192.0.0.192');
refused.addAddress('168.63.129.16');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addAddress('fd00:ec2::254', 'ipv6');
refused.addAddress('::', 'ipv6');

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
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
  return name === 'localhost' || name.endsWith('.localhost') || isIn(loopback, name);
}

/** True for a link-local or metadata address, or a name that is only used for one. */
export function isRefusedHost(hostname: string): boolean {
  const name = plainName(hostname);
  return name === 'metadata.google.internal' || isIn(refused, name);
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
        ({ address }) =>
          isIn(refused, address) || (name === hostname && isIn(loopback, address) && !loopbackAllowed),
      );
      if (bad) return answer(refusal(`its name leads to ${bad.address}, which is refused`), []);
      if (options.all) return answer(null, addresses);
      answer(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}
