// Static files of the pages under names that hold their hash: a changed file has another address, so that browsers
// may keep each for ever. The texts are part of the program, also where that is a single binary. Comments and indents are
// for whoever reads the files, and are not sent.

import htmx from "htmx.org/dist/htmx.min.js" with { type: "text" };
import admin from "./assets/admin.css" with { type: "text" };
import adminScript from "./assets/admin.js" with { type: "text" };
import documentation from "./assets/documentation.css" with { type: "text" };
import favicon from "./assets/favicon.svg" with { type: "text" };
import style from "./assets/style.css" with { type: "text" };

export type Asset = { path: string; type: string; text: string };

function asset(name: string, extension: string, type: string, text: string): Asset {
  const hash = new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
  return { path: `/assets/${name}.${hash}.${extension}`, type, text };
}

/** Bun's CSS minifier would write `light-dark()` anew in variables of its own, and save a fifth of what this does. */
function stylesheet(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\s*\n\s*/g, "\n")
    .replace(/(?<=[{};,])\n|\n(?=})/g, "")
    .trim();
}

/** Names stay as they are: less than 1 ms at the start. */
function script(text: string): string {
  return new Bun.Transpiler({ loader: "js", target: "browser", minifyWhitespace: true }).transformSync(text);
}

export const assets = {
  style: asset("style", "css", "text/css; charset=utf-8", stylesheet(style)),
  documentation: asset("documentation", "css", "text/css; charset=utf-8", stylesheet(documentation)),
  admin: asset("admin", "css", "text/css; charset=utf-8", stylesheet(admin)),
  adminScript: asset("admin", "js", "text/javascript; charset=utf-8", script(adminScript)),
  htmx: asset("htmx", "js", "text/javascript; charset=utf-8", htmx),
  favicon: asset("favicon", "svg", "image/svg+xml", favicon),
} as const;
