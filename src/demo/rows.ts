// The rows of everything but the ledger: users, cards, attributions, and the state of some devices.

import { arrayLiteral } from "../array-literal.ts";
import { type CardData, checksumOf, contentHash, slugStem } from "../cards/text.ts";
import { ATTRIBUTION_TYPES, type Year } from "./activity-model.ts";
import { formatCents } from "./amounts.ts";
import { formatMoment } from "./calendar.ts";
import { escapeText, type Value } from "./copy.ts";
import type { Ids } from "./ids.ts";
import type { DemoKey } from "./keys.ts";
import type { LedgerHeads } from "./ledger-chain.ts";
import { People } from "./people.ts";
import { ATTRIBUTION_NOTES } from "./phrases.ts";
import { Random, STREAM } from "./random.ts";
import { writeCard } from "./texts.ts";

export const CARD_COLUMNS = [
  "id",
  "user_id",
  "title",
  "content",
  "content_hash",
  "privacy_level",
  "category",
  "is_published",
  "published_at",
  "public_url",
  "slug",
  "view_count",
  "attribution_count",
  "extropy_earned",
  "tags",
  "created_at",
  "updated_at",
  "withdrawn_at",
  "edited_at",
  "checksum",
  "change_no",
] as const;

/** Told of each card as it is written: the hash that its reward's key needs, and the version that devices have. */
export type CardListener = (card: number, contentHash: string, checksum: string | null) => void;

/** Every card; a withdrawn one as withdrawCards (src/cards/withdraw.ts) leaves it. */
export function* cardRows(year: Year, ids: Ids, seed: number, onCard: CardListener): Generator<Value[]> {
  const { cards } = year;
  // A user's first change is the profile (src/demo/seed.ts).
  const changeNos = new Uint32Array(year.users.joined).fill(1);
  for (let card = 0; card < cards.count; card++) {
    const author = cards.author[card] as number;
    const changeNo = (changeNos[author] as number) + 1;
    changeNos[author] = changeNo;
    const random = new Random(seed + 1, STREAM.card, card);
    const text = writeCard(seed, card, author);
    const hash = contentHash(text.title, text.content);
    const withdrawnAt = cards.withdrawnAt[card] as number;
    const isWithdrawn = withdrawnAt > 0;
    const data: CardData = isWithdrawn ? { ...text, title: null, content: "", tags: [], metadata: {} } : text;
    const slug = `${isWithdrawn ? "card" : slugStem(text.title, text.content)}-${ids.slugEnd(card)}`;
    const checksum = isWithdrawn ? null : checksumOf(data);
    onCard(card, hash, checksum);
    const citations = cards.citations[card] as number;
    const publishedAt = formatMoment(cards.at[card] as number);
    const changedAt = isWithdrawn ? formatMoment(withdrawnAt) : null;
    yield [
      ids.card(card),
      ids.user(author),
      data.title,
      escapeText(data.content),
      hash,
      data.privacy_level,
      data.category,
      !isWithdrawn,
      publishedAt,
      `/cards/${slug}`,
      slug,
      citations * random.between(5, 30) + random.between(0, 40),
      citations,
      formatCents(cards.earned[card] as number),
      arrayLiteral(data.tags),
      publishedAt,
      changedAt ?? publishedAt,
      changedAt,
      changedAt,
      checksum,
      changeNo,
    ];
  }
}

export const ATTRIBUTION_COLUMNS = [
  "id",
  "source_card_id",
  "source_user_id",
  "target_card_id",
  "target_user_id",
  "attribution_type",
  "extropy_amount",
  "attribution_note",
  "created_at",
  "reversed_at",
] as const;

export function* attributionRows({ cards, attributions, amounts }: Year, ids: Ids, seed: number): Generator<Value[]> {
  const random = new Random(seed, STREAM.attribution);
  for (let attribution = 0; attribution < attributions.count; attribution++) {
    const source = attributions.source[attribution] as number;
    const target = attributions.target[attribution] as number;
    const type = ATTRIBUTION_TYPES[attributions.type[attribution] as number] ?? "citation";
    const reversedAt = attributions.reversedAt.get(attribution);
    yield [
      ids.attribution(attribution),
      ids.card(source),
      ids.user(cards.author[source] as number),
      ids.card(target),
      ids.user(cards.author[target] as number),
      type,
      formatCents(amounts.attribution[type]),
      random.chance(0.3) ? random.pick(ATTRIBUTION_NOTES) : null,
      formatMoment(attributions.at[attribution] as number),
      reversedAt === undefined ? null : formatMoment(reversedAt),
    ];
  }
}

export const USER_COLUMNS = [
  "id",
  "username",
  "email",
  "display_name",
  "bio",
  "extropy_balance",
  "api_key_hash",
  "api_key_prefix",
  "is_active",
  "email_verified",
  "profile_url",
  "created_at",
  "updated_at",
  "last_login_at",
  "account_key_id",
  "entry_count",
  "head_hash",
  "head_at",
  "rewards_on",
  "rewards_count",
] as const;

const DAY_MS = 86_400_000;

/** Every user with the ledger's head. Those in `keys` can sign in; no key hashes to what the others have. */
export function* userRows(
  { users }: Year,
  ids: Ids,
  seed: number,
  heads: LedgerHeads,
  keys: readonly DemoKey[],
): Generator<Value[]> {
  const people = new People(seed);
  for (let user = 0; user < users.joined; user++) {
    const person = people.next(user);
    const key = keys[user];
    key?.onOwner(person.username);
    const joinedAt = formatMoment(users.joinedAt[user] as number);
    const headAt = formatMoment(heads.at[user] as number);
    const rewardDay = users.rewardDay[user] as number;
    yield [
      ids.user(user),
      person.username,
      person.email,
      person.displayName,
      person.bio,
      formatCents(heads.balance[user] as number),
      key?.hash ?? `no key has this hash: ${person.username}`,
      key?.prefix ?? "ext_demo",
      key !== undefined || person.isActive,
      person.emailVerified,
      person.profileUrl,
      joinedAt,
      headAt,
      headAt,
      ids.accountKey(user),
      heads.count[user] as number,
      heads.hash[user] as string,
      headAt,
      rewardDay < 0 ? null : new Date(rewardDay * DAY_MS).toISOString().slice(0, 10),
      users.rewardCount[user] as number,
    ];
  }
}
