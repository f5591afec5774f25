// Runs before every test file (bunfig.toml): leaves nothing behind, whatever the file's tests did.

import { afterAll } from "bun:test";
import { closeTestDatabases } from "./support.ts";

afterAll(closeTestDatabases);
