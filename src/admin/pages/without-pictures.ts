// A card's text for operators: pictures stand on other people's servers, which need not learn that an operator looks.

/** HTML of a card's text in which each picture is replaced by its description. */
export function withoutPictures(html: string): string {
  return new HTMLRewriter()
    .on("img", {
      element(element) {
        const description = decode(element.getAttribute("alt") ?? "").trim();
        element.replace(`[picture${description ? `: ${description}` : ""}]`, { html: false });
      },
    })
    .transform(html);
}

/** An attribute's value comes as it stands in the text. */
function decode(value: string): string {
  return value.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
