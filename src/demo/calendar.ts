// When things happen: a year up to a moment, with activity that grows, rests at weekends and sleeps at night.

const HOUR_US = 3_600_000_000;
const HOURS = 365 * 24;

/** The share of a day's activity by hour of the day (UTC). */
const BY_HOUR = [3, 2, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 9, 9, 10, 11, 11, 10, 9, 10, 11, 10, 8, 5];
/** Sunday to Saturday. */
const BY_WEEKDAY = [0.75, 1, 1.1, 1.1, 1.05, 0.95, 0.6];

/** Activity at the end of the year against that at its start. */
const GROWTH = 8;

/** Left free at the end, so that what follows shortly after the last share of activity is not in the future. */
const REST_US = HOUR_US;

/** A year of activity that ends at a given moment. All times are integers: microseconds since 1970. */
export class Calendar {
  readonly start: number;
  readonly end: number;
  readonly #cumulated = new Float64Array(HOURS + 1);

  constructor(untilMs: number) {
    this.end = untilMs * 1000;
    this.start = this.end - REST_US - HOURS * HOUR_US;
    for (let hour = 0; hour < HOURS; hour++) {
      const moment = new Date((this.start + hour * HOUR_US) / 1000);
      const weight =
        GROWTH ** (hour / HOURS) *
        (BY_HOUR[moment.getUTCHours()] as number) *
        (BY_WEEKDAY[moment.getUTCDay()] as number);
      this.#cumulated[hour + 1] = (this.#cumulated[hour] as number) + weight;
    }
  }

  /** The moment by which a share of the year's activity (0 to 1) has happened; never falls as the share rises. */
  momentOf(share: number): number {
    const wanted = share * (this.#cumulated[HOURS] as number);
    let low = 0;
    let high = HOURS - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#cumulated[middle] as number) <= wanted) low = middle;
      else high = middle - 1;
    }
    const before = this.#cumulated[low] as number;
    const within = (wanted - before) / ((this.#cumulated[low + 1] as number) - before);
    return Math.floor(this.start + (low + within) * HOUR_US);
  }
}

const DAY_S = 86_400;
const digits = (length: number, count: number) =>
  Array.from({ length: count }, (_, n) => String(n).padStart(length, "0"));
const TWO = digits(2, 100);
const THREE = digits(3, 1000);

let knownDay = -1;
let knownText = "";

/** A moment as PostgreSQL reads it, with all its microseconds. Quick where moments come in their order. */
export function formatMoment(us: number): string {
  const second = Math.floor(us / 1_000_000);
  const day = Math.floor(second / DAY_S);
  if (day !== knownDay) {
    knownDay = day;
    knownText = new Date(day * DAY_S * 1000).toISOString().slice(0, 11);
  }
  const time = second - day * DAY_S;
  const fraction = us - second * 1_000_000;
  const [hours, minutes] = [TWO[Math.floor(time / 3600)], TWO[Math.floor(time / 60) % 60]];
  return `${knownText}${hours}:${minutes}:${TWO[time % 60]}.${THREE[Math.floor(fraction / 1000)]}${THREE[fraction % 1000]}Z`;
}
