// Finding one payment among all by its amount and day, in a browser: three fields are filled, and it is there.

import { launchBrowser } from "../../tests/browser-support.ts";
import type { Side } from "./measure.ts";

const TIMEOUT_MS = 15_000;

type Payment = { id: string; amount: string; day: string };

/** How many actions it took, and how long until the payment was shown after the last of them, in milliseconds. */
export type Found = Readonly<{ actions: number; ms: number; payment: Payment }>;

/** Looks for a transfer from the middle of the ledger. Throws where it does not show. */
export async function findPayment({ server, sql, cookie }: Side): Promise<Found> {
  const payment = await choosePayment(sql);
  const browser = await launchBrowser();
  try {
    const context = await browser.newContext({ baseURL: server.baseUrl });
    const [name = "", value = ""] = cookie.split("=");
    await context.addCookies([{ name, value, url: server.baseUrl }]);
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto("/admin/ledger");
    await page.fill("#filter-amount", payment.amount);
    await page.fill("#filter-from", payment.day);
    await page.fill("#filter-to", payment.day);
    const filledMs = performance.now();
    await page.locator(`#list a[href="/admin/ledger/${payment.id}"]`).first().waitFor();
    await page.waitForURL(url => url.searchParams.get("to") === payment.day);
    return { actions: 3, ms: performance.now() - filledMs, payment };
  } finally {
    await browser.close();
  }
}

async function choosePayment(sql: Side["sql"]): Promise<Payment> {
  const [payment] = await sql<Payment[]>`
    SELECT l.id, l.amount, (l.created_at AT TIME ZONE 'UTC')::date::text AS day FROM extropy_ledger l
    WHERE l.transaction_type = 'transfer_sent' ORDER BY l.created_at
    OFFSET (SELECT count(*) / 2 FROM extropy_ledger WHERE transaction_type = 'transfer_sent') LIMIT 1`;
  if (!payment) throw new Error("nobody has sent anything to anybody");
  return payment;
}
