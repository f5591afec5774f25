// Bodies of the forms of the admin pages (application/x-www-form-urlencoded); the API takes none of these.

import { mediaTypeOf } from "./media-type.ts";
import { Problem } from "./problem.ts";

/** Bytes of a form: a reason of 2,000 characters at their longest, and little else. */
const FORM_BYTES_MAX = 65_536;

const FORM_PATH = /^\/(admin\/|sign-in$|sign-out$)/;

/** Whether a request may bring a form. */
export function takesForm(request: Request): boolean {
  return request.method === "POST" && FORM_PATH.test(URL.parse(request.url)?.pathname ?? "");
}

/** The fields by name, each as the text that was typed. Throws `unsupported-media-type`, `payload-too-large`. */
export async function readForm(request: Request): Promise<Record<string, string>> {
  const type = mediaTypeOf(request);
  if (type !== undefined && type !== "application/x-www-form-urlencoded") {
    throw new Problem("unsupported-media-type", { detail: "Send the fields of the form as a browser does." });
  }
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(await readText(request))) {
    // Browsers send the ends of lines as CR LF.
    fields[name] = value.replaceAll("\r\n", "\n");
  }
  return fields;
}

async function readText(request: Request): Promise<string> {
  if (!request.body) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > FORM_BYTES_MAX) throw new Problem("payload-too-large", { detail: "The form is too long." });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
