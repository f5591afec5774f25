// Who may do what: every operation of the API and every page, with the status that each kind of caller gets. What
// succeeds, fails for another reason than who asks, or does not exist stands as plainly as what is refused.

/**
 * The callers of the API:
 *
 * - `nobody`: no key. `bad`: a key that is malformed, mistyped, unknown, another's prefix with a wrong secret, or sent
 *   in another way. `gone`: a good key once, now revoked, expired, of a deactivated or an erased account. `cookie`: no
 *   key, but the session cookie of an admin.
 * - `lesser`: a named key of the owner (below `/api/admin`, of an admin) with all scopes but the one in the second column.
 * - `named`: a named key of the owner (or admin) with every scope.
 * - `other`, `owner`: account keys of members; what the address names is the owner's.
 * - `auditor`, `admin`: account keys of operators.
 *
 * 200 to `other` in a row whose path names nothing means their own account, never the owner's.
 */
export const OPERATIONS = `
                                          scope     nobody bad gone cookie lesser named other owner auditor admin
POST   /api/users                         admin     401    401 401  401    403    201   403   403   403     201
GET    /api/me                            read      401    401 401  401    403    200   200   200   200     200
PATCH  /api/me                            profile   401    401 401  401    403    200   200   200   200     200
DELETE /api/me                            profile   401    401 401  401    403    403   204   204   204     204
GET    /api/keys                          keys      401    401 401  401    403    200   200   200   200     200
POST   /api/keys                          keys      401    401 401  401    403    201   201   201   201     201
DELETE /api/keys/{id}                     keys      401    401 401  401    403    204   404   204   404     404
POST   /api/keys/rotate                   keys      401    401 401  401    403    403   200   200   200     200

POST   /api/publish                       publish   401    401 401  401    403    201   201   201   201     201
GET    /api/cards                         read      401    401 401  401    403    200   200   200   200     200
GET    /api/cards/{id}                    read      401    401 401  401    403    200   200   200   200     200
PATCH  /api/cards/{id}                    publish   401    401 401  401    403    200   404   200   404     404
DELETE /api/cards/{id}                    publish   401    401 401  401    403    204   404   204   404     404

POST   /api/attributions                  attribute 401    401 401  401    403    201   403   201   403     403
GET    /api/attributions/{id}             read      401    401 401  401    403    200   200   200   200     200
GET    /api/cards/{id}/attributions       read      401    401 401  401    403    200   200   200   200     200
GET    /api/cards/{id}/graph              read      401    401 401  401    403    200   200   200   200     200
GET    /api/users/{id}/attributions       read      401    401 401  401    403    200   200   200   200     200

GET    /api/balance                       read      401    401 401  401    403    200   200   200   200     200
GET    /api/ledger                        read      401    401 401  401    403    200   200   200   200     200
GET    /api/ledger/{id}                   read      401    401 401  401    403    200   404   200   404     404
GET    /api/stats                         read      401    401 401  401    403    200   200   200   200     200
POST   /api/transfers                     transfer  401    401 401  401    403    201   201   201   201     201

POST   /api/sync/push                     sync      401    401 401  401    403    200   200   200   200     200
POST   /api/sync/resolve                  sync      401    401 401  401    403    200   404   200   404     404
GET    /api/sync/pull                     sync      401    401 401  401    403    200   200   200   200     200
GET    /api/sync/stream                   sync      401    401 401  401    403    200   200   200   200     200
GET    /api/sync/state                    sync      401    401 401  401    403    200   200   200   200     200

GET    /api/admin/users                   admin     401    401 401  401    403    200   403   403   200     200
GET    /api/admin/users/{id}              admin     401    401 401  401    403    200   403   403   200     200
POST   /api/admin/users/{id}/deactivate   admin     401    401 401  401    403    200   403   403   403     200
POST   /api/admin/users/{id}/activate     admin     401    401 401  401    403    200   403   403   403     200
POST   /api/admin/users/{id}/rotate-key   admin     401    401 401  401    403    200   403   403   403     200
POST   /api/admin/users/{id}/role         admin     401    401 401  401    403    200   403   403   403     200
POST   /api/admin/users/{id}/adjustments  admin     401    401 401  401    403    201   403   403   403     201
POST   /api/admin/ledger/{id}/reversal    admin     401    401 401  401    403    201   403   403   403     201
GET    /api/admin/ledger                  admin     401    401 401  401    403    200   403   403   200     200
GET    /api/admin/cards                   admin     401    401 401  401    403    200   403   403   200     200
GET    /api/admin/attributions            admin     401    401 401  401    403    200   403   403   200     200
GET    /api/admin/audit                   admin     401    401 401  401    403    200   403   403   200     200
GET    /api/admin/analytics/attributions  admin     401    401 401  401    403    200   403   403   200     200
GET    /api/admin/integrity               admin     401    401 401  401    403    200   403   403   200     200
POST   /api/admin/integrity               admin     401    401 401  401    403    200   403   403   403     200

GET    /                                  -         200    200 200  200    200    200   200   200   200     200
GET    /healthz                           -         200    200 200  200    200    200   200   200   200     200
GET    /metrics                           -         200    200 200  200    200    200   200   200   200     200
GET    /readyz                            -         200    200 200  200    200    200   200   200   200     200
GET    /openapi/json                      -         200    200 200  200    200    200   200   200   200     200
GET    /cards/{slug}                      -         200    200 200  200    200    200   200   200   200     200
GET    /authors/{username}                -         200    200 200  200    200    200   200   200   200     200
GET    /authors/{username}/feed.xml       -         200    200 200  200    200    200   200   200   200     200
GET    /feed.xml                          -         200    200 200  200    200    200   200   200   200     200
GET    /sitemap.xml                       -         200    200 200  200    200    200   200   200   200     200
GET    /sitemaps/cards.xml                -         200    200 200  200    200    200   200   200   200     200
GET    /problems                          -         200    200 200  200    200    200   200   200   200     200
GET    /problems/{slug}                   -         200    200 200  200    200    200   200   200   200     200
GET    /robots.txt                        -         200    200 200  200    200    200   200   200   200     200
`;

/**
 * The visitors of pages:
 *
 * - `stranger`: no cookie. `forged`: a cookie of the right form that nobody was given. `key`: no cookie, but the key of an
 *   admin, as the API takes it. `ended`: signed out, deactivated, key revoked, or no operator any more.
 * - `foreign`: an admin's browser that another site made send this. `auditor`, `admin`: signed in.
 *
 * 303 leads to `/sign-in` and nowhere else, but for what an operator's own form has done; 401 has no page in it.
 */
export const PAGES = `
                                    stranger forged key ended foreign auditor admin
GET  /admin                         303      303    303 303   200     200     200
GET  /admin/users                   303      303    303 303   200     200     200
GET  /admin/users/:id               303      303    303 303   200     200     200
GET  /admin/users/:id/adjust        303      303    303 303   200     403     200
POST /admin/users/:id/adjust        303      303    303 303   403     403     200
GET  /admin/users/:id/deactivate    303      303    303 303   200     403     200
POST /admin/users/:id/deactivate    303      303    303 303   403     403     303
GET  /admin/users/:id/activate      303      303    303 303   200     403     200
POST /admin/users/:id/activate      303      303    303 303   403     403     303
GET  /admin/users/:id/rotate-key    303      303    303 303   200     403     200
POST /admin/users/:id/rotate-key    303      303    303 303   403     403     200
GET  /admin/users/:id/role          303      303    303 303   200     403     200
POST /admin/users/:id/role          303      303    303 303   403     403     303
GET  /admin/ledger                  303      303    303 303   200     200     200
GET  /admin/ledger.csv              303      303    303 303   200     200     200
GET  /admin/ledger/tail             401      401    401 401   200     200     200
GET  /admin/ledger/:id              303      303    303 303   200     200     200
GET  /admin/ledger/:id/reverse      303      303    303 303   200     403     200
POST /admin/ledger/:id/reverse      303      303    303 303   403     403     303
GET  /admin/cards                   303      303    303 303   200     200     200
GET  /admin/cards.csv               303      303    303 303   200     200     200
GET  /admin/cards/:id               303      303    303 303   200     200     200
GET  /admin/cards/:id/graph         303      303    303 303   200     200     200
GET  /admin/attributions            303      303    303 303   200     200     200
GET  /admin/attributions/all        303      303    303 303   200     200     200
GET  /admin/attributions.csv        303      303    303 303   200     200     200
GET  /admin/sync                    303      303    303 303   200     200     200
GET  /admin/integrity               303      303    303 303   200     200     200
POST /admin/integrity               303      303    303 303   403     303     303
GET  /admin/audit                   303      303    303 303   200     200     200
GET  /admin/audit.csv               303      303    303 303   200     200     200
GET  /admin/search                  303      303    303 303   200     200     200
GET  /admin/sessions                303      303    303 303   200     200     200
POST /admin/sessions                303      303    303 303   403     303     303
POST /admin/theme                   303      303    303 303   403     303     303

GET  /sign-in                       200      200    200 200   303     303     303
POST /sign-in                       401      401    401 401   403     401     401
POST /sign-out                      303      303    303 303   403     303     303
GET  /openapi                       200      200    200 200   200     200     200
GET  /assets/:name                  200      200    200 200   200     200     200
HEAD /cards/:slug                   200      200    200 200   200     200     200
`;

export type Row<Caller extends string> = { call: string; scope: string; statuses: Record<Caller, number> };

/** The rows of a table whose first line names the columns. */
export function readTable<Caller extends string>(table: string): Row<Caller>[] {
  const [head = "", ...lines] = table.split("\n").filter(line => line.trim() !== "");
  const columns = head.trim().split(/\s+/);
  return lines.map(line => {
    const [method, path, ...cells] = line.trim().split(/\s+/);
    if (cells.length !== columns.length) throw new Error(`not a cell for each column: ${line}`);
    const named = Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? ""]));
    const { scope = "-", ...statuses } = named;
    const numbers = Object.entries(statuses).map(([caller, status]) => [caller, Number(status)]);
    return { call: `${method} ${path}`, scope, statuses: Object.fromEntries(numbers) };
  });
}
