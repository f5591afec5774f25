// What admin pages do beyond links and forms: keys, copying, times that stay true, lists that grow by themselves. All of
// it listens on the document, so that what htmx swaps in needs nothing of its own; without it every page still works.

const doc = document;
doc.documentElement.classList.add("scripted");

// Forms

// The answer to a form is a page of its own address: reloading it, or coming back to it, asks for that instead of sending the
// form once more.
history.replaceState(history.state, "");

/** Addresses hold what was asked for, and no empty fields. */
doc.addEventListener("formdata", ({ target, formData }) => {
  if (target.method !== "get") return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

/** A second click is one too many; the server would know, but why ask it. */
doc.addEventListener("submit", event => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of doc.querySelectorAll("[data-sent]")) delete form.dataset.sent;
});

// Lists that change in place

/** What went wrong on the way is told; what stood there stays. */
function tell(text) {
  const box = doc.getElementById("trouble");
  box.className = text && "notice problem";
  box.textContent = text;
}
doc.addEventListener("htmx:after:swap", ({ detail }) => {
  const { status } = detail.ctx.response;
  if (status < 400 || status === 422) tell("");
  else if (status === 404 || status === 405)
    tell(`Nothing is at this address any more (${status}). Load the page again.`);
  else tell(`The server could not answer (${status}). The list is as it was: try again in a moment.`);
});
/**
 * The first page has no link to itself, and the last one none to the next: who used it goes on from the other one. What
 * loads by itself has an event without a target.
 */
doc.addEventListener("htmx:after:swap", ({ detail }) => {
  const isLost = doc.activeElement === doc.body && detail.ctx.sourceEvent?.target?.closest(".pager");
  if (isLost) doc.querySelector(".pager a")?.focus();
});
doc.addEventListener("htmx:error", () =>
  tell("The server can't be reached. The list is as it was: try again in a moment."),
);

// Clicks

doc.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button?.dataset.copy !== undefined) copy(button);
  if (button?.dataset.opens) doc.getElementById(button.dataset.opens)?.showModal();
  if (button?.matches("[data-tail-pause]")) tail?.toggle();
});

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1200);
  } catch {
    // Without https there is no clipboard: the text is selected, and the usual keys copy it.
    getSelection()?.selectAllChildren(button.previousElementSibling ?? button);
  }
}

// Keys

let goUntil = 0;

doc.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || doc.querySelector("dialog[open]")) return;
  const { key } = event;
  if (goUntil > Date.now()) {
    goUntil = 0;
    const link = [...doc.querySelectorAll(".menu a[data-key]")].find(({ dataset }) => dataset.key === key);
    if (link) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  const action = KEYS[key];
  if (!action) return;
  event.preventDefault();
  action();
});

const KEYS = {
  "/": () => doc.getElementById("search")?.select(),
  "?": () => doc.getElementById("keys")?.showModal(),
  f: () => doc.querySelector(".filters :is(input:not([type=hidden]), select)")?.focus(),
  p: () => tail?.toggle(),
  g: () => {
    goUntil = Date.now() + 1500;
  },
};

// Times

const UNITS = [
  [31536000, "y"],
  [2592000, "mo"],
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

function relative(at) {
  const seconds = Math.round((Date.now() - Date.parse(at)) / 1000);
  const distance = Math.abs(seconds);
  for (const [size, unit] of UNITS) {
    if (distance < size) continue;
    const amount = `${Math.floor(distance / size)} ${unit}`;
    return seconds < 0 ? `in ${amount}` : `${amount} ago`;
  }
  return seconds < 0 ? "soon" : distance < 5 ? "now" : `${distance} s ago`;
}

setInterval(() => {
  for (const time of doc.querySelectorAll("time[data-ago]")) {
    const text = relative(time.dateTime);
    if (time.textContent !== text) time.textContent = text;
  }
}, 10_000);

// A picture that is wider than the screen begins in its middle, where the card is that it was asked for.
for (const pan of doc.querySelectorAll(".pan")) pan.scrollLeft = (pan.scrollWidth - pan.clientWidth) / 2;

// The live list

/** Rows that come in before somebody is asked to look at them first. */
const ROWS_MAX = 500;

class Tail {
  waiting = [];
  paused = false;
  hasFailed = false;
  /** There are entries between those that wait and those on the page. */
  hasGap = false;

  constructor(element) {
    this.element = element;
    this.body = doc.getElementById(element.dataset.tailBody);
    this.connect();
  }

  /** A browser has six connections to a server for all its tabs, so that a tab that nobody looks at has none. */
  connect() {
    this.close();
    if (doc.hidden) return;
    this.source = new EventSource(this.element.dataset.tail);
    this.source.addEventListener("rows", ({ data }) => this.receive(JSON.parse(data)));
    this.source.addEventListener("open", () => this.opened(true));
    this.source.addEventListener("error", () => this.opened(false));
  }

  opened(isOpen) {
    this.isFirst = isOpen;
    this.hasFailed = !isOpen;
    this.show();
  }

  /** First the newest come once more: where the page knows none of them, it has missed some before them as well. */
  receive(rows) {
    const known = new Set(
      [...this.waiting, ...[...this.body.rows].map(({ dataset }) => dataset)].map(({ key }) => key),
    );
    const fresh = rows.filter(({ key }) => !known.has(key));
    const isCut = this.isFirst && fresh.length === rows.length && known.size > 0;
    if (isCut && !this.element.dataset.tailKeep) this.hasGap = true;
    this.isFirst = false;
    this.waiting.push(...fresh);
    if (this.paused) this.show();
    else this.insert();
  }

  insert() {
    if (this.hasGap) {
      location.reload();
      return;
    }
    const fresh = this.waiting.splice(0);
    for (const { html } of fresh) {
      const template = doc.createElement("template");
      template.innerHTML = html;
      for (const row of template.content.querySelectorAll("tr")) row.classList.add("fresh");
      this.body.prepend(template.content);
    }
    if (fresh.length > 0) this.body.closest(".table")?.querySelector(".empty")?.remove();
    const keep = Number(this.element.dataset.tailKeep ?? Infinity);
    while (this.body.rows.length > keep) this.body.lastElementChild.remove();
    if (this.body.rows.length > ROWS_MAX) this.paused = true;
    this.show();
  }

  toggle() {
    this.paused = !this.paused;
    if (this.paused) this.show();
    else this.insert();
  }

  show() {
    const isOpen = this.source?.readyState !== EventSource.CLOSED;
    const button = this.element.querySelector("[data-tail-pause]");
    button.setAttribute("aria-pressed", String(this.paused));
    button.disabled = !isOpen;
    const state = !isOpen ? "ended" : this.paused ? "paused" : this.source?.readyState === 1 ? "live" : "connecting";
    this.element.dataset.state = state;
    const more = this.waiting.length > 0 ? `, ${this.waiting.length} new` : "";
    this.element.querySelector("[data-tail-state]").textContent =
      state === "ended"
        ? "Not live any more: load the page again"
        : state === "connecting" && this.hasFailed
          ? "The server can't be reached: trying again"
          : state + more;
  }

  close() {
    this.source?.close();
  }
}

let tail;

/** The list that is on the page now: after a swap it may be another one, or none. */
function follow() {
  const element = doc.querySelector("[data-tail]");
  if (tail?.element === element) return;
  tail?.close();
  tail = element ? new Tail(element) : undefined;
}

doc.addEventListener("htmx:after:swap", follow);
doc.addEventListener("visibilitychange", () => (doc.hidden ? tail?.close() : tail?.connect()));
// A connection that is open keeps a page out of the memory of Back.
window.addEventListener("pagehide", () => tail?.close());
window.addEventListener("pageshow", event => {
  if (event.persisted) location.reload();
});
follow();
