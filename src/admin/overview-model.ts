// What the overview shows: figures of one moment.

/** Counts by type of entry. */
export type TypeCounts = Readonly<Record<string, number>>;

export type Overview = {
  /** The moment of all the figures. */
  as_of: string;
  /** Text with two decimals; `circulating` is the sum of all balances. */
  supply: { issued: string; burned: string; circulating: string };
  users: { all: number; active: number };
  cards: number;
  entries: number;
  /** Movements between users. */
  payments: number;
  /** The last days, the oldest first, days without anything included. */
  days: { day: string; published: number; payments: number }[];
  /** Whether the sums of closed days and of today make all entries that accounts count. */
  adds_up: boolean;
};

/** The newest clean check of all the books; undefined: there was none. */
export type LastCheck = { checked_at: string; root: string } | undefined;

/** Whether the books were right when they were last looked at; undefined: nobody has. */
export type Health = { ok: boolean; checked_at: string } | undefined;
