// What operators see of devices and of what could not be brought in step.

/** A device of an account: what it ever pushed or pulled, by state. */
export type Device = {
  client_id: string;
  device_name: string | null;
  synced: number;
  pending: number;
  conflicts: number;
  failed: number;
  last_synced_at: string | null;
};
