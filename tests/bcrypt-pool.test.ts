// The threads that hash: one that fails takes nobody with it but what it had to do.

import { afterAll, expect, test } from "bun:test";
import { hashSync } from "bcryptjs";
import { BcryptPool } from "../src/auth/bcrypt-pool.ts";

const pool = new BcryptPool(4, 2);
afterAll(() => pool.close());

/** A thread that is asked to hash nothing fails. */
const fail = () => pool.hash(undefined as unknown as string);

test("what a thread has to do when it fails is rejected, and nobody waits for ever", async () => {
  const outcomes = await Promise.allSettled([fail(), pool.hash("one"), fail(), pool.hash("two")]);
  expect([outcomes[0]?.status, outcomes[2]?.status]).toEqual(["rejected", "rejected"]);
  expect(pool.pending).toBe(0);
});

test("what waits when the pool is closed is rejected", async () => {
  const closing = new BcryptPool(4, 1);
  const outcome = closing.hash("one").catch(error => error);
  closing.close();
  expect(await outcome).toBeInstanceOf(Error);
  expect(closing.pending).toBe(0);
});

test("after a failure others hash and compare", async () => {
  await fail().catch(() => {});
  await fail().catch(() => {});
  const hashes = await Promise.all(["one", "two", "three"].map(key => pool.hash(key)));
  expect(await Promise.all(hashes.map((hash, no) => pool.matches(["one", "two", "three"][no] ?? "", hash)))).toEqual([
    true,
    true,
    true,
  ]);
  expect(await pool.matches("one", hashSync("two", 4))).toBe(false);
  expect(await pool.matches("one", "x".repeat(60))).toBe(false);
});
