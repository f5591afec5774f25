// Serves the static files of the pages. Their names change with their contents, so they are cached for ever.

import { Elysia } from "elysia";
import { assets } from "../views/assets.ts";
import { Problem } from "./problem.ts";

const byPath = new Map(
  Object.values(assets).map(asset => [asset.path, { ...asset, compressed: Bun.gzipSync(asset.text, { level: 9 }) }]),
);

/** `/assets/…`. */
export function assetRoutes() {
  return new Elysia({ name: "assets" }).get(
    "/assets/:name",
    ({ params, request }) => {
      const asset = byPath.get(`/assets/${params.name}`);
      if (!asset) throw new Problem("not-found");
      const isCompressed = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
      return new Response(isCompressed ? asset.compressed : asset.text, {
        headers: {
          ...(isCompressed ? { "content-encoding": "gzip" } : {}),
          vary: "Accept-Encoding",
          "content-type": asset.type,
          "cache-control": "public, max-age=31536000, immutable",
          "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
          "x-content-type-options": "nosniff",
        },
      });
    },
    { detail: { hide: true } },
  );
}
