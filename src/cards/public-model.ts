// What readers see of cards and their authors, as the pages and feeds are given it.

export type PublicAuthor = { username: string; display_name: string | null };

/** A card as it stands in a list. `name` is its title, else its first words; empty where it has no words either. */
export type ListedCard = {
  id: string;
  slug: string;
  name: string;
  has_title: boolean;
  excerpt: string;
  author: PublicAuthor;
  extropy_earned: string;
  published_at: string;
  edited_at: string | null;
};

export type AttributionType = "citation" | "remix" | "reply" | "inspiration";

/** An attribution seen from one of its cards: the other card. */
export type RelatedCard = {
  slug: string;
  name: string;
  has_title: boolean;
  author: PublicAuthor;
  attribution_type: AttributionType;
};

/** The newest of them; `total` counts all, up to RELATED_COUNT_MAX. */
export type RelatedCards = { items: RelatedCard[]; total: number };

export const RELATED_ITEMS_MAX = 50;
/** Counting stops here (4 ms): a card may be cited a million times, and its page must not cost that. */
export const RELATED_COUNT_MAX = 1_000;

export type AuthorProfile = PublicAuthor & {
  id: string;
  bio: string | null;
  /** Of the cards that are published now. */
  cards_count: number;
  extropy_earned: string;
};

/** A card's page: what of its row readers see, with its text as HTML. */
export type CardView = {
  slug: string;
  /** Empty where it has none. */
  title: string;
  name: string;
  author: PublicAuthor;
  tags: readonly string[];
  extropy_earned: string;
  published_at: string;
  edited_at: string | null;
  description: string;
  text: { html: string; isPlain: boolean };
  cites: RelatedCards;
  citedBy: RelatedCards;
};
