// What could not be brought in step, with why and how often it was tried, and the devices that were last heard of.

import { Html } from "@kitajs/html";
import type { Device } from "../../../src/admin/devices-model.ts";
import type { HeardDevice, Unsettled, UnsettledCounts } from "../../../src/admin/sync-model.ts";
import { ENTITY_TYPES } from "../../../src/sync/model.ts";
import { attribute } from "../../components/text.tsx";
import { hrefWith, isFiltered, type RawQuery } from "../address.ts";
import { choicesOf, type Field, Filters } from "../filters.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Ago, Badge, beginningOf, Count, Id, UserLink, words } from "../pieces.tsx";
import { type Column, DataTable, Pager } from "../table.tsx";

const PATH = "/admin/sync";

const FIELDS: readonly Field[] = [
  { kind: "text", name: "user", label: "User", placeholder: "username or id" },
  { kind: "text", name: "client_id", label: "Device", placeholder: "client id" },
  {
    kind: "choice",
    name: "status",
    label: "State",
    choices: choicesOf(["pending", "conflict", "failed"]),
  },
  {
    kind: "choice",
    name: "entity_type",
    label: "What",
    choices: choicesOf(ENTITY_TYPES),
  },
];

export type SyncProps = {
  raw: RawQuery;
  unsettled: readonly Unsettled[];
  next: string | null;
  counts: UnsettledCounts;
  heard: readonly HeardDevice[];
  /** Those of the account that is filtered by. */
  devices: readonly Device[];
  problem?: ProblemMessage | undefined;
};

export function SyncPage({ raw, unsettled, next, counts, heard, devices, problem }: SyncProps) {
  return (
    <>
      <h1>Sync</h1>
      <Filters path={PATH} raw={raw} fields={FIELDS} />
      <div id="list">
        <nav class="actions" aria-label="What is not in step">
          {(["pending", "conflict", "failed"] as const).map(status => (
            <a
              class="button"
              href={hrefWith(PATH, {}, { status })}
              {...(raw.status === status ? { "aria-current": "true" } : {})}
            >
              {status}{" "}
              <strong safe>
                {counts[status] >= counts.limit ? `${counts.limit.toLocaleString("en-GB")}+` : String(counts[status])}
              </strong>
            </a>
          ))}
        </nav>
        {problem ? (
          <ProblemNotice problem={problem} fields={FIELDS} />
        ) : (
          <DataTable
            caption="Not in step, the newest first"
            columns={columns}
            rows={unsettled}
            empty={
              isFiltered(raw)
                ? "Nothing of this is out of step. Take a filter away to see what is."
                : "Everything that devices have told of is in step."
            }
          />
        )}
        <Pager path={PATH} raw={raw} next={next} />
        {devices.length > 0 ? (
          <section aria-labelledby="devices">
            <h2 id="devices">Devices of this user</h2>
            <DataTable
              caption="Devices of this user"
              columns={deviceColumns(raw.user ?? "")}
              rows={devices}
              empty="None."
            />
          </section>
        ) : (
          ""
        )}
      </div>
      <section aria-labelledby="heard">
        <h2 id="heard">Devices that were last heard of</h2>
        <DataTable
          caption="Devices that were last heard of"
          columns={heardColumns}
          rows={heard}
          empty="No device has been in touch yet."
        />
      </section>
    </>
  );
}

const columns: readonly Column<Unsettled>[] = [
  {
    label: "What",
    isName: true,
    cell: ({ entity_type, entity_id }) => (
      <>
        <span safe>{words(entity_type)}</span> <Id value={entity_id} label={`the ${words(entity_type)}'s id`} />
      </>
    ),
  },
  { label: "User", cell: ({ user }) => <UserLink id={user.id} username={user.username} /> },
  {
    label: "Device",
    cell: ({ user, ...device }) => <DeviceLink user={user.id} device={device} />,
  },
  {
    label: "State",
    cell: ({ sync_status }) => (
      <Badge tone={sync_status === "failed" ? "bad" : sync_status === "conflict" ? "warn" : "plain"}>
        {sync_status}
      </Badge>
    ),
  },
  { label: "Tries", isNumber: true, cell: ({ retry_count }) => <Count value={retry_count} /> },
  {
    label: "Why",
    cell: ({ error_message }) => (
      <span class="clip" safe>
        {error_message ?? ""}
      </span>
    ),
  },
  { label: "Changed", cell: ({ updated_at }) => <Ago at={updated_at} /> },
  { label: "Last in step", cell: ({ last_synced_at }) => <Ago at={last_synced_at} /> },
];

type NamedDevice = Pick<Device, "client_id"> & Partial<Pick<Device, "device_name">>;

/** A device by its name, or its id where none is given; the link and the hint tell the id, by which the list can be filtered. */
export function DeviceLink({ user, device }: { user: string; device: NamedDevice }) {
  const { device_name, client_id } = device;
  return (
    <a href={hrefWith(PATH, { user, client_id }, {})} title={attribute(beginningOf(client_id))}>
      <bdi class="clip" safe>
        {beginningOf(device_name || client_id)}
      </bdi>
    </a>
  );
}

/** Of one user (an id or a name); also on the page of the account. */
export const deviceColumns = (user: string): readonly Column<Device>[] => [
  {
    label: "Device",
    isName: true,
    cell: device => <DeviceLink user={user} device={device} />,
  },
  { label: "In step", isNumber: true, cell: ({ synced }) => <Count value={synced} /> },
  { label: "Pending", isNumber: true, cell: ({ pending }) => <Count value={pending} /> },
  { label: "Conflicts", isNumber: true, cell: ({ conflicts }) => <Count value={conflicts} /> },
  { label: "Failed", isNumber: true, cell: ({ failed }) => <Count value={failed} /> },
  { label: "Last in step", cell: ({ last_synced_at }) => <Ago at={last_synced_at} /> },
];

const heardColumns: readonly Column<HeardDevice>[] = [
  {
    label: "Device",
    isName: true,
    cell: ({ user, ...device }) => <DeviceLink user={user.id} device={device} />,
  },
  { label: "User", cell: ({ user }) => <UserLink id={user.id} username={user.username} /> },
  { label: "Last in step", cell: ({ last_synced_at }) => <Ago at={last_synced_at} /> },
];
