// The form above a list. It is sent as an ordinary GET, and by htmx as soon as something is typed or chosen.

import { Html } from "@kitajs/html";
import { attribute } from "../components/text.tsx";
import { isFiltered, type RawQuery, SWAPPED } from "./address.ts";
import { shortened, words } from "./pieces.tsx";

export type Choice = readonly [value: string, label: string];
export type Field = Readonly<
  { name: string; label: string; hint?: string } & (
    | { kind: "text"; placeholder?: string; size?: "small" | "large" }
    | { kind: "amount" }
    | { kind: "day" }
    | { kind: "choice"; choices: readonly Choice[]; any?: string }
  )
>;

/** What of a fixed list can be chosen, each by its name in words. */
export function choicesOf(names: readonly string[]): Choice[] {
  return names.map(name => [name, words(name)]);
}

/** A period in whole days. */
export const DAYS: readonly Field[] = [
  { kind: "day", name: "from", label: "From day" },
  { kind: "day", name: "to", label: "To day", hint: "This day included" },
];

export type FiltersProps = {
  path: string;
  fields: readonly Field[];
  raw: RawQuery;
};

export function Filters({ path, fields, raw }: FiltersProps) {
  const named = new Set(fields.map(({ name }) => name));
  const others = Object.keys(raw).filter(name => !named.has(name) && name !== "cursor" && name !== "limit");
  return (
    <form
      class="filters"
      method="get"
      action={path}
      hx-get={path}
      // Leaving a field whose value was asked for already is no change; it would replace the page that a click asks for.
      hx-trigger="submit, change changed, input changed delay:350ms"
      {...SWAPPED}
      hx-push-url="true"
      hx-sync="this:replace"
      autocomplete="off"
      aria-label="Filters"
    >
      {fields.map(field => (
        <FilterField field={field} value={raw[field.name] ?? ""} />
      ))}
      <div class="actions">
        <button type="submit" class="primary">
          Filter
        </button>
        {/* Changes with the list: the sort may be another one by then. */}
        <span id="kept">
          {others.map(name => (
            <Other name={name} value={raw[name] ?? ""} />
          ))}
          {isFiltered(raw) ? <a href={path}>Clear</a> : ""}
        </span>
      </div>
    </form>
  );
}

/** A parameter without a field: the order, which the list shows, or a filter that a link has set. */
function Other({ name, value }: { name: string; value: string }) {
  return (
    <>
      <input type="hidden" name={attribute(name)} value={attribute(value)} />
      {name === "sort" ? (
        ""
      ) : (
        <span class="badge warn" safe>
          {`${shortened(words(name))} ${shortened(value)}`}
        </span>
      )}
    </>
  );
}

function FilterField({ field, value }: { field: Field; value: string }) {
  const id = `filter-${field.name}`;
  return (
    <div class={`field ${field.kind}`}>
      <label for={id} safe>
        {field.label}
      </label>
      <Input id={id} field={field} value={value} />
    </div>
  );
}

const DAY = /^\d{4}-\d\d-\d\d$/;

function Input({ id, field, value }: { id: string; field: Field; value: string }) {
  const common = {
    id,
    name: field.name,
    value: attribute(value),
    ...(field.hint ? { title: attribute(field.hint) } : {}),
  };
  switch (field.kind) {
    case "text":
      return (
        <input
          type="search"
          {...common}
          maxlength="255"
          placeholder={attribute(field.placeholder ?? "")}
          class={field.size ?? ""}
        />
      );
    case "amount":
      return <input type="text" inputmode="text" {...common} maxlength="22" placeholder="0.00" />;
    case "day":
      // A moment in the address is shown as it is, since a field for days would hide it.
      return <input type={value === "" || DAY.test(value) ? "date" : "text"} {...common} />;
    case "choice":
      return (
        <select id={id} name={field.name}>
          <option value="">{(field.any ?? "any") as "safe"}</option>
          {field.choices.map(([choice, label]) => (
            <option value={attribute(choice)} selected={choice === value} safe>
              {label}
            </option>
          ))}
          {value !== "" && !field.choices.some(([choice]) => choice === value) ? (
            <option value={attribute(value)} selected safe>
              {value}
            </option>
          ) : (
            ""
          )}
        </select>
      );
  }
}
