// The API for people: rules that hold for every call, then each call with its parameters, an example and its answers,
// then the shapes that they share. Made of nothing but the OpenAPI document.

import { Html } from "@kitajs/html";
import type { OpenApiDocument } from "../../src/openapi/model.ts";
import { assets } from "../assets.ts";
import { type Call, Method, OperationSection } from "../components/operation.tsx";
import { FieldTable, fieldsOf, shapeId, TypeOf } from "../components/schema.tsx";
import { attribute, Prose } from "../components/text.tsx";
import { Layout } from "../layout.tsx";

export type Section = { title: string; text: string };

/** `sections` are what the document's description is made of. */
export function DocumentationPage({ document, sections }: { document: OpenApiDocument; sections: readonly Section[] }) {
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Call => ({ method, path, operation })),
  );
  const groups = document.tags.map(tag => ({
    ...tag,
    id: `group-${tag.name}`,
    calls: calls.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const base = document.servers[0]?.url ?? "";
  return (
    <Layout
      title="API"
      description={document.info.summary}
      head={(<link rel="stylesheet" href={assets.documentation.path} />) as string}
    >
      <div class="api">
        <Menu sections={sections} groups={groups} shapes={Object.keys(document.components.schemas)} />
        <div class="api-text">
          <h1>The API</h1>
          <p safe>{document.info.summary}</p>
          <p>
            Version <span safe>{document.info.version}</span>, {document.info.license.name as "safe"} licence. All
            addresses begin with <code safe>{base}</code>. For programs:{" "}
            <a href="/openapi/json" type="application/json">
              the same as an OpenAPI document
            </a>
            .
          </p>
          {sections.map(({ title, text }) => (
            <section id={idOf(title)}>
              <h2 safe>{title}</h2>
              <Prose text={text} />
            </section>
          ))}
          {groups.map(group => (
            <section id={group.id}>
              <h2 safe>{group.name}</h2>
              <p safe>{group.description}</p>
              {group.calls.map(call => (
                <OperationSection call={call} document={document} />
              ))}
            </section>
          ))}
          <section id="shapes">
            <h2>Shapes</h2>
            <p>What requests and answers are made of.</p>
            {Object.entries(document.components.schemas).map(([name, schema]) => (
              <article id={shapeId(name)}>
                <h3>
                  <a href={`#${shapeId(name)}`} safe>
                    {name}
                  </a>
                </h3>
                {schema.properties ? (
                  <FieldTable caption="Fields" fields={fieldsOf(schema)} />
                ) : (
                  <p>{TypeOf({ schema }) as "safe"}</p>
                )}
              </article>
            ))}
          </section>
        </div>
      </div>
    </Layout>
  );
}

type Group = { id: string; name: string; calls: Call[] };

function Menu({ sections, groups, shapes }: { sections: readonly Section[]; groups: Group[]; shapes: string[] }) {
  return (
    <nav class="api-menu" aria-label="Contents">
      <details>
        <summary>Contents</summary>
        <ul>
          {sections.map(({ title }) => (
            <li>
              <a href={`#${idOf(title)}`} safe>
                {title}
              </a>
            </li>
          ))}
        </ul>
        {groups.map(({ id, name, calls }) => (
          <>
            <a class="api-group" href={`#${id}`} safe>
              {name}
            </a>
            <ul>
              {calls.map(({ method, path, operation }) => (
                <li>
                  <a href={`#${operation.operationId}`} title={attribute(`${method.toUpperCase()} ${path}`)}>
                    <Method method={method} /> <span safe>{operation.summary}</span>
                  </a>
                </li>
              ))}
            </ul>
          </>
        ))}
        <a class="api-group" href="#shapes">
          Shapes
        </a>
        <ul>
          {shapes.map(name => (
            <li>
              <a href={`#${shapeId(name)}`} safe>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </details>
    </nav>
  );
}

function idOf(title: string): string {
  return title.toLowerCase().replaceAll(" ", "-");
}
