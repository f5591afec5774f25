// The address that a request comes from, for limits by address. `X-Forwarded-For` counts only where the
// connection comes from a proxy that the operator trusts.

import { BlockList, isIP } from "node:net";

/** Reads addresses, believing the listed proxies (addresses or CIDR ranges). */
export class ClientAddresses {
  readonly #trusted = new BlockList();

  constructor(proxies: readonly string[]) {
    for (const entry of proxies) {
      const [address = "", bits] = entry.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  /** The nearest address that is not a trusted proxy's: read from the right, since the left can be made up. */
  of(connection: string, forwardedFor: string | null): string {
    let address = plain(connection);
    const hops = forwardedFor?.split(",").map(hop => plain(hop.trim())) ?? [];
    while (this.#isTrusted(address)) {
      const hop = hops.pop();
      if (hop === undefined || isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  }

  #isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? "ipv6" : "ipv4");
  }
}

/** An IPv4 address that arrived over IPv6 (`::ffff:192.0.2.1`) as plain IPv4. */
function plain(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
