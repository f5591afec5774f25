// Charts as SVG, made here: they need no script, take the page's colours, and each has its figures as a table beside it.

import { Html, type PropsWithChildren } from "@kitajs/html";
import { scaleBand, scaleLinear, scaleUtc } from "d3-scale";
import { area, curveStepAfter, line, stack } from "d3-shape";
import { attribute } from "../components/text.tsx";
import { grouped } from "./pieces.tsx";
import { type Column, DataTable } from "./table.tsx";

const WIDTH = 720;
const HEIGHT = 208;
const LEFT = 56;
const RIGHT = 8;
const TOP = 14;
const BOTTOM = 30;
const TICKS = 4;
const LABELS = 6;

const SHORT_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const COMPACT = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

/** Moments with what tells each from the one before it: a year, a day, or a time of day. */
export function labelled(ticks: readonly Date[]): { tick: Date; label: string }[] {
  const all = ticks.map(tick => ({ tick, label: labelOf(tick) }));
  // Parts of a second have one name.
  return all.filter(({ label }, at) => label !== all[at - 1]?.label);
}

function labelOf(tick: Date): string {
  const [day = "", time = ""] = tick.toISOString().split("T");
  if (!time.startsWith("00:00:00.000")) return time.slice(0, time.slice(6, 12) === "00.000" ? 5 : 8);
  return day.endsWith("-01-01") ? day.slice(0, 4) : SHORT_DAY.format(tick);
}

export type Point = Readonly<{ at: string; value: string }>;

/** A balance over time: it holds until it changes, so that the line goes in steps. */
export function BalanceChart({ title, points }: { title: string; points: readonly Point[] }) {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 2) return "";
  const x = scaleUtc([new Date(first.at), new Date(last.at)], [LEFT, WIDTH - RIGHT]);
  const y = scaleLinear([0, Math.max(1, ...points.map(({ value }) => Number(value)))], [HEIGHT - BOTTOM, TOP]).nice(
    TICKS,
  );
  const xOf = ({ at }: Point) => x(new Date(at));
  const yOf = ({ value }: Point) => y(Number(value));
  const shape = area<Point>().x(xOf).y0(y(0)).y1(yOf).curve(curveStepAfter)(points);
  const outline = line<Point>().x(xOf).y(yOf).curve(curveStepAfter)(points);
  const columns: Column<Point>[] = [
    { label: "At", isName: true, cell: ({ at }) => <span safe>{`${at.slice(0, 16).replace("T", " ")} UTC`}</span> },
    { label: "Balance", isNumber: true, cell: ({ value }) => <span safe>{grouped(value)}</span> },
  ];
  return (
    <figure class="chart">
      <Frame title={title} y={y}>
        <path class="area" d={shape ?? ""} />
        <path class="line" d={outline ?? ""} />
        {labelled(x.ticks(LABELS)).map(({ tick, label }) => (
          <text class="tick" x={fixed(x(tick))} y={HEIGHT - 6} text-anchor="middle" safe>
            {label}
          </text>
        ))}
      </Frame>
      <AsTable title={title} columns={columns} rows={points} />
    </figure>
  );
}

export type DayFigures = Readonly<{ day: string; values: Readonly<Record<string, number>> }>;
export type Series = Readonly<{ key: string; label: string }>;
export type DaysChartProps = { title: string; days: readonly DayFigures[]; series: readonly Series[] };

/** Counts day by day, of one kind or of several on top of each other. */
export function DaysChart({ title, days, series }: DaysChartProps) {
  const totals = days.map(({ values }) => series.reduce((sum, { key }) => sum + (values[key] ?? 0), 0));
  const x = scaleBand(
    days.map(({ day }) => day),
    [LEFT, WIDTH - RIGHT],
  ).paddingInner(0.2);
  const y = scaleLinear([0, Math.max(1, ...totals)], [HEIGHT - BOTTOM, TOP]).nice(TICKS);
  const layers = stack<DayFigures>()
    .keys(series.map(({ key }) => key))
    .value(({ values }, key) => values[key] ?? 0)([...days]);
  const step = Math.max(1, Math.ceil(days.length / LABELS));
  const columns: Column<DayFigures>[] = [
    { label: "Day", isName: true, cell: ({ day }) => <span safe>{day}</span> },
    ...series.map(({ key, label }) => ({
      label,
      isNumber: true,
      cell: ({ values }: DayFigures) => <span safe>{(values[key] ?? 0).toLocaleString("en-GB")}</span>,
    })),
  ];
  return (
    <figure class="chart">
      <Frame title={title} y={y} isCounted={true}>
        {layers.map((layer, index) => (
          <g class={`series-${index}`}>
            {layer.map(([from, to], place) => {
              const { day } = days[place] ?? { day: "" };
              if (to === from) return "";
              return (
                <rect
                  x={fixed(x(day) ?? 0)}
                  y={fixed(y(to))}
                  width={fixed(x.bandwidth())}
                  height={fixed(y(from) - y(to))}
                >
                  <title safe>{`${day}: ${(to - from).toLocaleString("en-GB")} ${series[index]?.label ?? ""}`}</title>
                </rect>
              );
            })}
          </g>
        ))}
        {totals.every(total => total === 0) ? (
          <text class="tick" x={(LEFT + WIDTH - RIGHT) / 2} y={(TOP + HEIGHT - BOTTOM) / 2} text-anchor="middle">
            None in these days.
          </text>
        ) : (
          ""
        )}
        {days.map(({ day }, index) =>
          index % step === 0 ? (
            <text class="tick" x={fixed((x(day) ?? 0) + x.bandwidth() / 2)} y={HEIGHT - 6} text-anchor="middle" safe>
              {SHORT_DAY.format(new Date(day))}
            </text>
          ) : (
            ""
          ),
        )}
      </Frame>
      {series.length > 1 ? (
        <ul class="legend" role="list">
          {series.map(({ label }, index) => (
            <li class={`series-${index}`} safe>
              {label}
            </li>
          ))}
        </ul>
      ) : (
        ""
      )}
      <AsTable title={title} columns={columns} rows={days} />
    </figure>
  );
}

type FrameProps = PropsWithChildren<{
  title: string;
  y: ReturnType<typeof scaleLinear<number, number>>;
  /** There are no halves of what is counted. */
  isCounted?: boolean;
}>;

function Frame({ title, y, isCounted = false, children }: FrameProps) {
  const ticks = y.ticks(TICKS).filter(tick => !isCounted || Number.isInteger(tick));
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={attribute(title)}>
      {ticks.map(tick => (
        <g>
          <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={fixed(y(tick))} y2={fixed(y(tick))} />
          <text class="tick" x={LEFT - 8} y={fixed(y(tick) + 4)} text-anchor="end" safe>
            {COMPACT.format(tick)}
          </text>
        </g>
      ))}
      {children}
    </svg>
  );
}

type AsTableProps<Row> = { title: string; columns: readonly Column<Row>[]; rows: readonly Row[] };

function AsTable<Row>({ title, columns, rows }: AsTableProps<Row>) {
  return (
    <details class="as-table">
      <summary>As a table</summary>
      <DataTable caption={title} columns={columns} rows={rows} empty="No figures." />
    </details>
  );
}

function fixed(value: number): string {
  return value.toFixed(1);
}
