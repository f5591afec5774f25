// The vocabulary of a demo's cards: for each topic what it is about, what people do there, and its tags.

/**
 * `things` are nouns that can stand behind "the", "every" and "one"; `acts` end in -ing; `people` are plural.
 */
export type Topic = Readonly<{
  name: string;
  things: readonly string[];
  acts: readonly string[];
  people: string;
  tags: readonly string[];
}>;

function topic(name: string, people: string, tags: string, things: string, acts: string): Topic {
  const list = (text: string) => text.split(", ");
  return { name, people, tags: list(tags), things: list(things), acts: list(acts) };
}

export const TOPICS: readonly Topic[] = [
  topic(
    "writing",
    "writers",
    "writing, drafts, editing, style",
    "first draft, opening sentence, margin note, outline, notebook, deadline, paragraph, quotation, reader, title",
    "reading aloud, cutting the last paragraph, keeping a notebook, writing before noon, naming the problem, copying by hand, leaving a draft alone",
  ),
  topic(
    "gardening",
    "gardeners",
    "garden, soil, seasons, plants",
    "raised bed, compost heap, seedling, hedge, rain barrel, orchard, root, mulch, frost, seed tray",
    "pruning in winter, sowing late, watching the soil, sharing cuttings, watering less, digging nothing over, waiting for rain",
  ),
  topic(
    "cooking",
    "cooks",
    "cooking, bread, kitchen, recipes",
    "sourdough starter, stock pot, knife, pantry, marinade, broth, spice jar, Sunday lunch, recipe, oven",
    "tasting twice, salting early, resting the dough, cooking for a crowd, throwing nothing away, baking on Sundays, following the season",
  ),
  topic(
    "software",
    "developers",
    "software, design, testing, simplicity",
    "test suite, queue, schema, rollback, feature flag, log line, interface, migration, stack trace, build",
    "deleting code, writing the test first, reading the source, naming things twice, shipping on Tuesday, measuring before guessing, pairing for an hour",
  ),
  topic(
    "economics",
    "economists",
    "economics, money, incentives, markets",
    "price signal, shared ledger, subsidy, tariff, auction, small shop, pension, balance sheet, incentive, public good",
    "counting twice, paying in advance, pricing by the hour, asking who pays, lending to neighbours, saving a tenth, comparing margins",
  ),
  topic(
    "city life",
    "planners",
    "cities, walking, transport, public-space",
    "tram line, corner shop, bench, side street, market square, bus stop, courtyard, footbridge, crossing, night train",
    "walking to work, closing a street, planting trees, slowing the traffic, mapping desire lines, sitting on steps, cycling in rain",
  ),
  topic(
    "music",
    "musicians",
    "music, practice, listening, sound",
    "slow movement, metronome, chorus, bass line, rehearsal, scale, silence, encore, quartet, melody",
    "practising slowly, listening to the room, tuning by ear, playing from memory, singing the part, recording each rehearsal, resting between takes",
  ),
  topic(
    "learning",
    "teachers",
    "learning, memory, teaching, questions",
    "flash card, lecture, textbook, good question, study group, mistake, summary, exam, mental model, example",
    "explaining it simply, sleeping on it, testing yourself, teaching a friend, asking twice, drawing the idea, spacing repetitions",
  ),
  topic(
    "woodworking",
    "makers",
    "craft, wood, tools, making",
    "hand plane, dovetail, workbench, offcut, chisel, glue joint, jig, grain, stool, prototype",
    "sharpening first, measuring once more, finishing with oil, mending a chair, working by hand, marking with a knife, keeping offcuts",
  ),
  topic(
    "history",
    "historians",
    "history, archives, maps, memory",
    "parish register, old map, letter, footnote, archive box, treaty, diary, trade route, census, ruin",
    "reading the footnotes, dating a photograph, comparing two sources, walking the border, transcribing letters, doubting the legend, visiting archives",
  ),
  topic(
    "health",
    "doctors",
    "health, sleep, habits, movement",
    "short walk, bedtime, check-up, breakfast, rest day, morning light, resting pulse, habit, long weekend, second coffee",
    "going to bed early, taking the stairs, eating slowly, breathing out longer, stretching at noon, resting before you are tired, leaving the phone outside",
  ),
  topic(
    "nature",
    "naturalists",
    "nature, birds, weather, observation",
    "river bend, blackbird, tide pool, old oak, barometer, moth trap, footpath, cloud bank, meadow, winter flock",
    "counting birds, sitting still, following a stream, noting the weather, learning one tree, getting up at dawn, sketching leaves",
  ),
];
