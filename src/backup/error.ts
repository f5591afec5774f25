// What a person reads when a backup or a restore can't be made: one message, no stack, no secret.

/** An expected failure of a backup or a restore. `message` says what is wrong, what was left as it is, and what to do. */
export class BackupError extends Error {
  override name = "BackupError";
}
