// What a request says that its body is. Two header lines arrive as one, with a comma between: they are no type, whatever the
// first of them says.

/** In lower case, without parameters; undefined where nothing is said. What has a comma is given as a whole. */
export function mediaTypeOf(request: Request): string | undefined {
  const type = request.headers.get("content-type")?.trim().toLowerCase();
  return type?.includes(",") ? type : type?.split(";")[0]?.trim();
}
