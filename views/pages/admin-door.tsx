// What stands at /admin while this version has no admin pages: what an admin's key opens today.

import { Html } from "@kitajs/html";
import { Layout } from "../layout.tsx";

export function AdminDoorPage() {
  return (
    <Layout title="For admins">
      <section class="failure">
        <h1>For admins</h1>
        <p>This version has no admin pages yet. What an admin can do today:</p>
        <ul>
          <li>
            register users with the admin's key: <code>POST /api/users</code>, in the{" "}
            <a href="/openapi">documentation</a>
          </li>
          <li>
            make a new admin key, where the server runs: <code>bun run admin-key</code>
          </li>
          <li>
            prove that the schema and the books are as they should be: <code>bun run migrate verify</code>
          </li>
          <li>
            look at everything with psql: <code>psql "$(bun run --silent database-url)"</code>
          </li>
        </ul>
      </section>
    </Layout>
  );
}
