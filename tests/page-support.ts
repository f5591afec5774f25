// Reading pages in tests as a browser's parser does, so that what is judged are elements and not strings.

export type PageElement = { tag: string; attributes: Record<string, string>; text: string };

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'" };

/** Undoes the escapes that the pages use. */
export function decode(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

/** The elements of a page that a selector finds, in order, each with all the text within it. */
export function select(html: string, selector: string): PageElement[] {
  const found: PageElement[] = [];
  const open: PageElement[] = [];
  const rewriter = new HTMLRewriter().on(selector, {
    element(element) {
      const attributes = Object.fromEntries(
        [...element.attributes].map(([name = "", value = ""]) => [name, decode(value)]),
      );
      const entry = { tag: element.tagName, attributes, text: "" };
      found.push(entry);
      if (element.selfClosing || VOID.has(entry.tag)) return;
      open.push(entry);
      element.onEndTag(() => void open.splice(open.indexOf(entry), 1));
    },
    text(chunk) {
      for (const entry of open) entry.text += chunk.text;
    },
  });
  rewriter.transform(html);
  return found.map(entry => ({ ...entry, text: decode(entry.text) }));
}

const VOID = new Set(["img", "br", "hr", "meta", "link", "input"]);

/** The `content` of a page's meta element by its name or property. */
export function metaOf(html: string, name: string): string | undefined {
  return select(html, `meta[name="${name}"], meta[property="${name}"]`)[0]?.attributes.content;
}

const HARMLESS_TAGS = new Set(
  "html head meta title link body a header main article h1 h2 h3 h4 h5 h6 p div span bdi time data ul ol li footer nav section strong em s del code pre blockquote table thead tbody tr th td img br hr".split(
    " ",
  ),
);

/** Whatever in a page could script, restyle, send a form, or fetch from where it must not; empty where all is well. */
export function dangersIn(html: string): string[] {
  return select(html, "*").flatMap(({ tag, attributes }) => {
    const dangers = HARMLESS_TAGS.has(tag) ? [] : [`<${tag}>`];
    for (const [name, value] of Object.entries(attributes)) {
      if (/^on|^style$|^srcset$|^srcdoc$|^formaction$/.test(name)) dangers.push(`${tag} ${name}=${value}`);
      if (name === "href" && !/^(https?:\/\/|mailto:|\/|#)/i.test(value)) dangers.push(`${tag} href=${value}`);
      if (name === "src" && !/^https:\/\//i.test(value)) dangers.push(`${tag} src=${value}`);
    }
    return dangers;
  });
}
