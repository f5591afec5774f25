// The address that a request comes from, for limits by address. `X-Forwarded-For` counts only where the
// connection comes from a proxy that the operator trusts.

import { BlockList, isIP } from "node:net";

/** Networks that are nobody's own on the internet (RFC 1918, RFC 4193, and those of one machine or link). */
const PRIVATE_NETWORKS = blockListOf([
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "::1",
  "fc00::/7",
  "fe80::/10",
]);

/** Whether an address is of this machine or of a private network. */
export function isPrivate(address: string): boolean {
  return includes(PRIVATE_NETWORKS, address);
}

/** Reads addresses, believing the listed proxies (addresses or CIDR ranges). */
export class ClientAddresses {
  readonly #trusted: BlockList;

  constructor(proxies: readonly string[]) {
    this.#trusted = blockListOf(proxies);
  }

  /** The nearest address that is not a trusted proxy's: read from the right, since the left can be made up. */
  of(connection: string, forwardedFor: string | null): string {
    let address = plain(connection);
    const hops = forwardedFor?.split(",") ?? [];
    while (includes(this.#trusted, address)) {
      const hop = plain(withoutPort(hops.pop()?.trim() ?? ""));
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  }
}

/** What is counted as one client: an IPv4 address, or the 64 bits of an IPv6 address that one customer is given at least. */
export function clientName(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = withoutZone(address).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail ? tail.split(":") : [];
  // An IPv4 address at the end takes the place of two groups.
  const groups = left.length + right.length + (address.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - groups)).fill("0");
  const network = [...left, ...zeros, ...right].slice(0, 4).map(group => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}

function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function includes(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(withoutZone(address), version === 6 ? "ipv6" : "ipv4");
}

/** Some proxies write the port that a client came from as well: 192.0.2.1:5678, [2001:db8::1]:5678. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(hop)?.[1] ?? hop;
}

function withoutZone(address: string): string {
  return address.split("%")[0] ?? address;
}

/** An IPv4 address that arrived over IPv6 (`::ffff:192.0.2.1`) as plain IPv4. */
function plain(address: string): string {
  return /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1] ?? address;
}
