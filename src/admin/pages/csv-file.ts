// A list as a CSV file for whoever is signed in: the same rows and columns as the API's.

import { confirmOperator } from "../../auth/operator.ts";
import { type CsvColumns, csvResponse } from "../../csv.ts";
import type { Page, PageRequest } from "../../cursor.ts";
import { nameAndCode } from "../../log.ts";
import type { Services } from "../../services.ts";
import type { Visit } from "./operator-pages.ts";

type Listed<Item, Line> = {
  name: string;
  columns: CsvColumns<Line>;
  list(page: PageRequest): Promise<Page<Item>>;
  toLine(item: Item): Line;
};

/** All that a list lets through, as one file. */
export function sendCsv<Item, Line extends object>(
  { sql, log }: Services,
  { operator, requestId }: Visit,
  { name, columns, list, toLine }: Listed<Item, Line>,
): Promise<Response> {
  return csvResponse({
    name,
    columns,
    list: async page => {
      const { items, next_cursor } = await list(page);
      return { items: items.map(toLine), next_cursor };
    },
    confirm: () => confirmOperator(sql, operator.caller, "read"),
    onError: error => {
      log.warn({ request_id: requestId, error: nameAndCode(error) }, "a CSV file broke off");
    },
  });
}
