// What the keyboard does, in a dialog that `?` opens.

import { Html } from "@kitajs/html";

type Place = Readonly<{ title: string; key: string }>;

export function KeysDialog({ sections }: { sections: readonly Place[] }) {
  return (
    <dialog id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        <Row keys={["/"]} does="Search" />
        <Row keys={["f"]} does="The first filter" />
        <Row keys={["p"]} does="Pause the live list, or go on" />
        {sections.map(({ title, key }) => (
          <Row keys={["g", key]} does={title} />
        ))}
        <Row keys={["?"]} does="This list" />
        <Row keys={["Esc"]} does="Close" />
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

function Row({ keys, does }: { keys: readonly string[]; does: string }) {
  return (
    <div>
      <dt>
        {keys.map(key => (
          <kbd safe>{key}</kbd>
        ))}
      </dt>
      <dd safe>{does}</dd>
    </div>
  );
}
