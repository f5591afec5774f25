// Amounts as people type them, or copy them from a page, in the form that the rest of the server knows.

const GROUPED = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/;

/** Without a plus, with a plain minus and without commas between thousands; what is no such amount stays as it is. */
export function plainAmount(text: string): string {
  const signed = text
    .trim()
    .replace(/^\+(?=\d)/, "")
    .replace(/^−/, "-");
  return GROUPED.test(signed) ? signed.replaceAll(",", "") : signed;
}
