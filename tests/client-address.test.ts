// Whose request it is, for limits: what a client writes into a header counts only as far as a trusted proxy vouches for it.

import { describe, expect, test } from "bun:test";
import { ClientAddresses, clientName } from "../src/client-address.ts";

const PROXY = "10.0.0.9";

describe("the client's address", () => {
  test.each([
    ["without a header", "203.0.113.1", null, "203.0.113.1"],
    ["from somebody who is no proxy", "203.0.113.1", "198.51.100.1", "203.0.113.1"],
    ["from a proxy", PROXY, "203.0.113.1", "203.0.113.1"],
    ["from a proxy that says nothing", PROXY, null, PROXY],
    ["as the proxy has seen it, whatever the client made up", PROXY, "198.51.100.1, 203.0.113.1", "203.0.113.1"],
    ["through two proxies", PROXY, "203.0.113.1, 10.0.0.8", "203.0.113.1"],
    ["that was made up to be a proxy's", PROXY, "10.0.0.1, 203.0.113.1", "203.0.113.1"],
    ["of proxies alone", PROXY, "10.0.0.1, 10.0.0.2", "10.0.0.1"],
    ["that is a word", PROXY, "unknown", PROXY],
    ["that is empty", PROXY, "", PROXY],
    ["with empty places", PROXY, " , ,", PROXY],
    ["that is markup", PROXY, "<script>alert(1)</script>", PROXY],
    ["that is a lie behind nonsense", PROXY, "203.0.113.1, x", PROXY],
    ["with a port", PROXY, "203.0.113.1:4711", "203.0.113.1"],
    ["of IPv6 with a port", PROXY, "[2001:db8::1]:4711", "2001:db8::1"],
    ["of IPv6 in brackets", PROXY, "[2001:db8::1]", "2001:db8::1"],
    ["of IPv4 in IPv6", `::ffff:${PROXY}`, "::FFFF:203.0.113.1", "203.0.113.1"],
    ["with numbers that are none", PROXY, "999.1.1.1", PROXY],
    ["in octal", PROXY, "0313.0.113.1", PROXY],
    ["after a line feed", PROXY, "203.0.113.1\n", "203.0.113.1"],
  ])("%s", (_, connection, header, expected) => {
    expect(new ClientAddresses(["10.0.0.0/8"]).of(connection, header)).toBe(expected);
  });

  test("is found quickly in a header as long as one may be", () => {
    const addresses = new ClientAddresses(["10.0.0.0/8"]);
    const header = `203.0.113.1${", 10.0.0.1".repeat(1_600)}`;
    const startedAt = performance.now();
    expect(addresses.of(PROXY, header)).toBe("203.0.113.1");
    expect(performance.now() - startedAt).toBeLessThan(200);
  });
});

describe("what is counted as one client", () => {
  test.each([
    ["203.0.113.1", "203.0.113.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0000:0000:1:2:3:4", "2001:db8:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["::1", "0:0:0:0::/64"],
    ["64:ff9b::192.0.2.33", "64:ff9b:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ])("of %s is %s", (address, name) => {
    expect(clientName(address)).toBe(name);
  });
});
