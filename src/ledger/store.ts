// SQL of the ledger. Entries come in through post_entries (migrations/0011_throughput.sql) alone.

import type { Tx } from "../db.ts";

/** Burns what a user holds, by an admin_adjustment. The caller has locked the user's row. */
export async function burnBalance(tx: Tx, userId: string): Promise<void> {
  await tx`
    SELECT post_entries(ARRAY[ROW(u.id, 'admin_adjustment', -u.extropy_balance, NULL, NULL, uuid_v7(), 1, NULL, NULL,
      'Balance burned with the erased account')::ledger_posting])
    FROM users u WHERE u.id = ${userId}::uuid AND u.extropy_balance > 0`;
}
