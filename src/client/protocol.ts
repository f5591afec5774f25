// The messages of the protocol, as the server's models have them: types alone, nothing of the server is loaded.

import type { EntityType } from "../sync/model.ts";

export type { PublishAnswer, PublishRequest } from "../cards/model.ts";
export type {
  Change,
  EntityError,
  EntityType,
  PullAnswer,
  PushAnswer,
  PushedEntity,
  PushResult,
  ServerVersion,
} from "../sync/model.ts";

export type EntityName = { entity_type: EntityType; entity_id: string };
